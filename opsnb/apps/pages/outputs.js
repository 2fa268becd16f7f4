// What a cell or a section puts out, by mime type, as elements of the page. HTML is ours and runs no script: the page's policy refuses it.

export const WIDGET = "application/vnd.jupyter.widget-view+json";
const CHART = "application/vnd.vegalite.v6+json";
const NEAR = "600px"; // below what is seen: charts there are drawn first
const SOON = 100, AT_ONCE = 4;

let library = null;

// A chart as wide as the page is as high as its rows need, which Vega-Lite would say dozens of times a page.
const warn = console.warn;
console.warn = (...said) => { if (!/^WARN Dropping "fit-y"/.test(said.join(" "))) warn.apply(console, said); };

// The charts' library is fetched once there is something to read, or with the first chart.
export function bundle() {
  library = library || new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.base + "voila/labextensions/opsnb-vega/static/vega-bundle.js";
    script.onload = () => resolve(window.opsnbVega);
    script.onerror = () => {
      library = null;
      reject(new Error("vega-bundle.js is not there"));
    };
    document.head.append(script);
  });
  library.catch(() => {}); // whoever draws says so
  return library;
}

const waiting = new Map(); // element -> what draws it
const seen = new IntersectionObserver(entries => entries.filter(one => one.isIntersecting).forEach(one => draw(one.target)), { rootMargin: NEAR });
let timer = 0;

export function draw(element) {
  const begin = waiting.get(element);
  waiting.delete(element);
  seen.unobserve(element);
  if (begin && element.isConnected) begin();
}

// Those further down follow, a few at a time: between them the page answers.
function rest() {
  timer = 0;
  [...waiting.keys()].slice(0, AT_ONCE).forEach(draw);
  if (waiting.size) timer = setTimeout(rest, 0);
}

function chart(element, spec) {
  waiting.set(element, () => bundle().then(({ draw: drawing }) => {
    if (element.isConnected) element.close = drawing(element, spec);
  }).catch(error => {
    element.textContent = document.body.dataset.undrawn;
    console.error(error);
  }));
  seen.observe(element);
  timer = timer || setTimeout(rest, SOON);
}

window.addEventListener("beforeprint", () => [...waiting.keys()].forEach(draw));

export function charts(within) {
  return [...within.querySelectorAll("[data-mime-type*=vegalite]")];
}

// A cell's place holder goes once there is something to see, and the room that is kept for a chart once one is drawn or none will be.
export function settle(cell) {
  const all = charts(cell), drawn = all.some(one => one.dataset.drawn);
  cell.classList.toggle("opsnb-undrawn", all.length > 0 && !drawn);
  if (drawn || !cell.querySelector(".jp-OutputArea-output:empty")) cell.classList.add("opsnb-filled");
}

new MutationObserver(changes => changes.forEach(({ target }) => {
  const cell = target.closest(".opsnb-cell"), area = target.closest(".widget-output");
  if (cell) settle(cell);
  if (area && charts(area).every(one => one.dataset.drawn)) area.style.minHeight = "";
})).observe(document.querySelector("main"), { subtree: true, attributeFilter: ["data-drawn"] });

function picture(element, address) {
  const image = document.createElement("img");
  image.src = address;
  element.append(image);
}

// By mime type, the richest first.
const KINDS = {
  [CHART]: chart,
  "text/html": (element, text) => {
    element.classList.add("jp-RenderedHTMLCommon");
    element.innerHTML = text;
  },
  "image/svg+xml": (element, text) => picture(element, "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text)),
  "image/png": (element, coded) => picture(element, "data:image/png;base64," + coded),
  "text/markdown": plain,
  "text/plain": plain,
};

function plain(element, text) {
  element.classList.add("plain");
  element.textContent = text;
}

export function output(data) {
  const child = document.createElement("div"), element = document.createElement("div");
  child.className = "jp-OutputArea-child";
  element.className = "jp-OutputArea-output";
  child.append(element);
  const kind = Object.keys(KINDS).find(mime => mime in data);
  if (kind) {
    element.dataset.mimeType = kind;
    const said = data[kind];
    KINDS[kind](element, Array.isArray(said) ? said.join("") : said);
  }
  return child;
}

export function remove(child) {
  child.querySelectorAll(".opsnb-figure").forEach(element => element.close && element.close());
  child.remove();
}
