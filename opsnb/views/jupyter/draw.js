// Draws one of our charts into an element: the title as text that wraps, the drawing as SVG as wide as the element is.
// An element may be hidden or still narrow when it is made (an app that is loading, a closed tab): drawing waits for a width.
window.opsnbVega.draw = function (element, spec) {
  var said = (spec.usermeta && spec.usermeta.opsnb) || null;
  var result = null, lastWidth = 0, started = false, closed = false;
  spec = JSON.parse(JSON.stringify(spec));
  element.textContent = "";
  element.classList.add("opsnb-figure");
  element.style.width = "100%";
  if (said) {
    line("opsnb-title", said.title);
    if (said.subtitle) line("opsnb-subtitle", said.subtitle);
    delete spec.title;
  }
  var box = document.createElement("div");
  box.style.cssText = "display: block; width: 100%; min-width: 0;";
  element.appendChild(box);

  function line(kind, text) {
    var made = document.createElement("div");
    made.className = kind;
    // no line breaks within a date
    text.split(/(\d{4}-\d{2}(?:-\d{2})?|\d{4}年\d{1,2}月(?:\d{1,2}日)?)/).forEach(function (part, place) {
      var day = document.createElement("span");
      day.className = "day";
      day.textContent = part;
      made.append(place % 2 ? day : part);
    });
    element.appendChild(made);
  }
  // On a narrow place: legends in two columns, long names cut, names below a chart aslant, and rows high enough for a text above each.
  function narrow(config) {
    (spec.params || []).forEach(function (one) { if (one.name === "narrow") one.value = true; });
    (spec.layer || [spec]).forEach(function (layer) {
      var across = layer.encoding && layer.encoding.x, down = layer.encoding && layer.encoding.y;
      if (across && across.axis && across.axis.labelAngle === 0) {
        if (across.axis.orient === "top" && across.axis.labelLimit) {  // heads of a table are all said, upright
          Object.assign(across.axis, { labelAngle: -90, labelAlign: "left", labelLimit: 110, labelOverlap: false });
        } else {
          Object.assign(across.axis, { labelOverlap: "parity", labelSeparation: 3 });
          if (!across.axis.labelExpr) across.axis.labelExpr = "split(replace(datum.label, ' (', '\\n('), '\\n')";
        }
      }
      if (down && down.axis && down.axis.labelLimit > 190) down.axis.labelLimit = 190;
      if (said && said.notes && down && down.type === "nominal") down.scale = Object.assign({ paddingInner: 0.5 }, down.scale);
    });
    if (said && said.notes && spec.height && spec.height.step) spec.height.step += 14;
    config.legend = Object.assign({}, config.legend, { columns: 2, labelLimit: 130 });
    config.axisY = Object.assign({}, config.axisY, { labelLimit: 120 });
    config.axisXDiscrete = Object.assign({}, config.axisXDiscrete, { labelAngle: -40, labelLimit: 90, labelOverlap: false });
    config.padding = { left: 0, right: 4, top: 6, bottom: 4 };
    return config;
  }
  // A tooltip's rows as text. The library's own way shows the value of a column called "image" as a picture from wherever it points.
  function told(value, clean) {
    if (!value || typeof value !== "object") return clean(value);
    return "<table>" + Object.keys(value).filter(function (key) { return value[key] !== undefined; }).map(function (key) {
      return '<tr><td class="key">' + clean(key) + '</td><td class="value">' + clean(value[key]) + "</td></tr>";
    }).join("") + "</table>";
  }
  function fail(error) {
    box.textContent = document.documentElement.lang.slice(0, 2) === "zh" ? "这张图没有画成，请重新打开页面。" : "This chart could not be drawn. Open the page again.";
    console.error(error);
  }
  function fit(width) {
    if (!width || Math.abs(width - lastWidth) < 2 || closed) return;
    lastWidth = width;
    if (!started) {
      started = true;
      if (width < 480) spec.config = narrow(spec.config || {});
      if (said && said.axis && spec.concat) {
        var columns = spec.columns || 1;
        spec.concat.forEach(function (panel) { panel.width = Math.max(120, Math.floor(width / columns) - said.axis); });
      }
      window.opsnbVega.vegaEmbed(box, spec, {
        actions: false, ast: true, renderer: "svg", tooltip: { theme: "light", formatTooltip: told },
      }).then(function (made) {
        if (closed) { made.finalize(); return; }
        result = made;
        box.querySelectorAll('[role="graphics-symbol"]:not([aria-label])').forEach(function (part) { part.removeAttribute("role"); });  // says nothing
        element.setAttribute("data-drawn", "yes");
      }).catch(fail);
    } else if (result && spec.width === "container") {
      result.view.width(width).runAsync().catch(fail);
    }
  }
  var watcher = new ResizeObserver(function () { fit(box.clientWidth); });
  watcher.observe(box);
  fit(box.clientWidth);
  return function close() {
    closed = true;
    watcher.disconnect();
    if (result) result.finalize();
    result = null;
  };
};
