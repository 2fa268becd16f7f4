// The page of an app: it takes what its cells put out as it comes, shows its controls, and asks the server now and then whether it still lives.
import { place } from "./controls.js";
import { Kernel } from "./kernel.js";
import { bundle, settle } from "./outputs.js";

const EVERY = 20000, SOON = 3000;
const { base, kernel: id } = document.body.dataset;
const server = `${location.protocol.replace("http", "ws")}//${location.host}${base}`;
const kernel = new Kernel(`${server}api/kernels/${id}/channels`);
const filled = new Set(), main = document.querySelector("main");
let timer = null;

// The server tells all from the beginning to whoever asks: what is there already is passed over.
function listen() {
  const cells = new WebSocket(`${server}voila/execution/${id}`);
  cells.onopen = () => cells.send(JSON.stringify({ action: "execute" }));
  cells.onmessage = event => {
    const { payload: { cell_index: index, output_cell: cell } } = JSON.parse(event.data);
    if (!filled.has(index)) fill(index, cell.outputs);
    filled.add(index);
  };
  cells.onclose = event => { if (![1000, 1005].includes(event.code) && !kernel.ended) setTimeout(listen, SOON); }; // else all has been told
}

function fill(index, outputs) {
  const cell = document.querySelector(`[cell-index="${index + 1}"]`), area = document.createElement("div");
  if (!cell || main.matches(".ends")) return;
  area.className = "jp-Cell-outputWrapper";
  cell.firstElementChild.append(area);
  outputs.forEach(one => place(kernel, cell, area, one.data || {}));
  settle(cell);
  if (cell.querySelector(".opsnb-ends")) end(cell);
  if (outputs.length) setTimeout(bundle, SOON / 10);
}

// The page cannot go on after this cell: what the last run found stays, if it is there; the rest would be headings without answers.
function end(cell) {
  const earlier = main.querySelector(".opsnb-cell:not(.opsnb-filled) .as-of");
  main.classList.add("ends");
  for (let part = (earlier ? earlier.closest(".opsnb-cell") : cell).nextElementSibling; part; part = part.nextElementSibling) part.hidden = true;
}

function show(box, visible) {
  document.getElementById(box).hidden = !visible;
}

async function ask() {
  clearTimeout(timer);
  let ended = false, lost = true;
  try {
    const answer = await fetch(`${base}app/alive/${id}`, { cache: "no-store" });
    ended = [403, 404, 410].includes(answer.status) || answer.redirected; // its kernel has, or the visitor has to come in again
    lost = !ended && answer.status !== 204; // what a proxy says whose server is down
  } catch { /* nobody answers */ }
  show("opsnb-lost", lost);
  show("opsnb-ended", ended);
  if (ended) {
    document.querySelector("#opsnb-ended a").href = location.href; // with what has been chosen since
    kernel.end();
  }
  else timer = setTimeout(ask, lost ? SOON : EVERY);
}

listen();
timer = setTimeout(ask, SOON);
window.addEventListener("online", () => {
  kernel.connect();
  ask();
});
window.addEventListener("pagehide", event => { if (!event.persisted) navigator.sendBeacon(`${base}voila/api/shutdown/${id}`); });
window.addEventListener("pageshow", event => { if (event.persisted) ask(); });
