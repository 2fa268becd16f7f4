// A module-federation container written by hand, so that nothing has to be built: the page loads this script, calls init() with the
// modules it shares, then get("./mimeExtension"). It says how output of the Vega-Lite type is drawn.
(() => {
  "use strict";
  const NAME = "opsnb-vega";
  const CHART = "application/vnd.vegalite.v6+json";
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = folder + "opsnb.css";
  document.head.append(style);
  let modules = null;
  let loading = null;

  // The bundle is fetched when the first chart is shown, and once a page.
  function library() {
    if (window.opsnbVega) return Promise.resolve(window.opsnbVega);
    loading = loading || new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = folder + "vega-bundle.js";
      script.onload = () => resolve(window.opsnbVega);
      script.onerror = () => {
        loading = null;
        reject(new Error("vega-bundle.js is not there"));
      };
      document.head.append(script);
    });
    return loading;
  }

  async function pageModule(name) {
    const offered = Object.values(modules[name] || {});
    if (!offered.length) throw new Error(`this page shares no ${name}`);
    return (await offered[0].get())();
  }

  function extension(Widget) {
    class ChartOutput extends Widget {
      async renderModel(model) {
        this.closeChart();
        try {
          const { draw } = await library();
          if (!this.isDisposed) this.stop = draw(this.node, model.data[CHART]);
        } catch (error) {
          this.node.textContent = "This chart could not be drawn. Run the cell again. / 这张图没有画成，请重新运行该单元。";
          console.error(error);
        }
      }
      closeChart() {
        if (this.stop) this.stop();
        this.stop = null;
      }
      dispose() {
        this.closeChart();
        super.dispose();
      }
    }
    return {
      id: `${NAME}:charts`,
      rank: 40,
      dataType: "json",
      rendererFactory: { safe: true, mimeTypes: [CHART], createRenderer: () => new ChartOutput() },
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init(shared) {
      modules = shared;
    },
    async get(name) {
      if (name !== "./mimeExtension") throw new Error(`${NAME} has no module ${name}`);
      const { Widget } = await pageModule("@lumino/widgets");
      return () => ({ __esModule: true, default: extension(Widget) });
    },
  };
})();
