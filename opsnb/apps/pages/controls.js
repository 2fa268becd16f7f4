// The controls of a section: the few kinds of widgets that a panel is made of (opsnb/views/controls.py), each as the plain element that a
// browser has for it. Class names are those of Jupyter's widgets, so that one style sheet dresses both.
import { referred } from "./kernel.js";
import { charts, draw, output, remove, settle, WIDGET } from "./outputs.js";

const said = document.body.dataset; // texts in the page's language

function make(tag, kind = "", text = "") {
  const made = document.createElement(tag);
  made.className = kind;
  if (text) made.textContent = text;
  return made;
}

// Does something now, and whenever one of these parts of the widget's state changes.
function follow(widget, names, act) {
  widget.views.add(changed => { if (changed.some(name => names.includes(name))) act(widget.state); });
  act(widget.state);
}

// A label before a control.
function labelled(kernel, widget, kind, control, readout) {
  const box = make("div", `jupyter-widgets widget-inline-hbox widget-${kind}`), label = make("label", "widget-label");
  label.htmlFor = control.id = `control-${widget.id}`;
  box.append(label, control, ...readout ? [readout] : []);
  follow(widget, ["description", "tooltip", "disabled"], ({ description, tooltip, disabled }) => {
    label.textContent = description || "";
    label.hidden = !description;
    if (!description && tooltip) control.setAttribute("aria-label", tooltip);
    control.disabled = Boolean(disabled);
  });
  return box;
}

function boxed(direction) {
  return (kernel, widget) => {
    const box = make("div", `jupyter-widgets widget-container widget-box widget-${direction}`), shown = new Map();
    follow(widget, ["children"], ({ children }) => {
      const whole = children.map(referred).filter(id => kernel.whole(id));
      whole.forEach(id => { if (!shown.has(id)) shown.set(id, show(kernel, id)); });
      box.replaceChildren(...whole.map(id => shown.get(id)));
    });
    return box;
  };
}

function html(_kernel, widget) {
  const element = make("div", "jupyter-widgets widget-html");
  follow(widget, ["value"], ({ value }) => { element.innerHTML = value; });
  return element;
}

function label(_kernel, widget) {
  const element = make("span", "jupyter-widgets widget-label");
  follow(widget, ["value"], ({ value }) => { element.textContent = value; });
  return element;
}

function dropdown(kernel, widget) {
  const select = make("select"), box = labelled(kernel, widget, "dropdown", select);
  follow(widget, ["_options_labels"], ({ _options_labels }) => { select.replaceChildren(..._options_labels.map(text => make("option", "", text))); });
  follow(widget, ["index", "_options_labels"], ({ index }) => { select.selectedIndex = index === null ? -1 : index; });
  select.onchange = () => kernel.set(widget.id, { index: select.selectedIndex });
  return box;
}

function checkbox(kernel, widget) {
  const box = make("label", "jupyter-widgets widget-checkbox"), input = make("input"), text = make("span");
  input.type = "checkbox";
  box.append(input, text);
  follow(widget, ["description"], ({ description }) => { text.textContent = description; });
  follow(widget, ["value", "disabled"], ({ value, disabled }) => Object.assign(input, { checked: value, disabled }));
  input.onchange = () => kernel.set(widget.id, { value: input.checked });
  return box;
}

function button(kernel, widget) {
  const made = make("button", "jupyter-widgets jupyter-button widget-button");
  made.type = "button";
  follow(widget, ["description", "tooltip", "disabled"], ({ description, tooltip, disabled }) =>
    Object.assign(made, { textContent: description, title: tooltip || "", disabled }));
  made.onclick = () => kernel.tell(widget.id, { method: "custom", content: { event: "click" } });
  return made;
}

function toggle(kernel, widget) {
  const made = button(kernel, widget);
  made.classList.replace("widget-button", "widget-toggle-button");
  follow(widget, ["value"], ({ value }) => {
    made.setAttribute("aria-pressed", value);
    made.classList.toggle("mod-active", value);
  });
  made.onclick = () => kernel.set(widget.id, { value: !widget.state.value });
  return made;
}

function slider(kernel, widget) {
  const input = make("input"), readout = make("output", "widget-readout");
  input.type = "range";
  follow(widget, ["min", "max", "step"], ({ min, max, step }) => Object.assign(input, { min, max, step }));
  follow(widget, ["value"], ({ value }) => { input.value = readout.textContent = value; });
  input.oninput = () => { readout.textContent = input.value; };
  input.onchange = () => kernel.set(widget.id, { value: Number(input.value) });
  return labelled(kernel, widget, "slider", input, readout);
}

// Names in an order: taken away by their cross or Delete, moved by dragging, a finger or the arrow keys, added from a list of the rest.
function tags(kernel, widget) {
  const box = make("div", "jupyter-widgets jupyter-widget-tagsinput"), add = make("select");
  let held = -1;
  const set = value => { if (value.length) kernel.set(widget.id, { value }); };
  const without = place => widget.state.value.filter((_name, other) => other !== place);
  const moved = (from, to) => {
    const rest = without(from);
    return [...rest.slice(0, to), widget.state.value[from], ...rest.slice(to)];
  };
  function tag(name, place, all) {
    const made = make("span", "jupyter-widget-tag", name), cross = make("button", "jupyter-widget-tag-close", "×");
    made.tabIndex = 0;
    made.draggable = true;
    cross.type = "button";
    cross.disabled = all.length < 2;
    cross.setAttribute("aria-label", `${said.remove} ${name}`);
    cross.onclick = () => set(without(place));
    made.append(cross);
    made.ondragstart = () => { held = place; };
    made.ondragover = event => event.preventDefault();
    made.ondrop = event => {
      event.preventDefault();
      if (held >= 0) set(moved(held, place));
    };
    // a finger's events go to where it came down, wherever it is now
    made.onpointerdown = event => { held = event.pointerType === "mouse" || event.target !== made ? -1 : place; };
    made.onpointercancel = event => { if (event.pointerType !== "mouse") held = -1; }; // a mouse begins to drag
    made.onpointerup = event => {
      const over = document.elementFromPoint(event.clientX, event.clientY), to = [...box.children].indexOf(over && over.closest(".jupyter-widget-tag"));
      if (held === place && event.pointerType !== "mouse" && to >= 0 && to !== place) set(moved(place, to));
      held = -1;
    };
    made.onkeydown = event => {
      const to = { ArrowLeft: place - 1, ArrowRight: place + 1 }[event.key];
      if (event.target !== made || (event.key !== "Delete" && !(to >= 0 && to < all.length))) return;
      event.preventDefault();
      set(event.key === "Delete" ? without(place) : moved(place, to));
      (box.children[Math.min(to ?? place, box.children.length - 1)] || box).focus();
    };
    return made;
  }
  add.setAttribute("aria-label", said.add);
  add.onchange = () => {
    set([...widget.state.value, add.value]);
    (add.isConnected ? add : box.lastElementChild).focus();
  };
  follow(widget, ["value", "allowed_tags"], ({ value, allowed_tags }) => {
    const rest = allowed_tags.filter(name => !value.includes(name));
    add.replaceChildren(make("option", "", `+ ${said.add}`), ...rest.map(name => make("option", "", name)));
    add.firstChild.disabled = true;
    add.selectedIndex = 0;
    box.replaceChildren(...value.map(tag), ...rest.length ? [add] : []);
  });
  return box;
}

// What a section puts out. What is as it was stays where it is, and the new gets the room of the old until it is drawn.
function outputs(_kernel, widget) {
  const area = make("div", "jupyter-widgets widget-output");
  let texts = [];
  follow(widget, ["outputs"], state => {
    const now = state.outputs.map(one => JSON.stringify(one.data)), first = now.findIndex((text, place) => text !== texts[place]);
    const same = first < 0 ? now.length : first;
    if (area.isConnected) area.style.minHeight = `${area.offsetHeight}px`;
    [...area.children].slice(same).forEach(remove);
    area.append(...state.outputs.slice(same).map(one => output(one.data || {})));
    texts = now;
    const undrawn = charts(area).filter(one => !one.dataset.drawn);
    if (!undrawn.length) area.style.minHeight = "";
    else if (area.isConnected) undrawn.forEach(draw);
  });
  return area;
}

const VIEWS = { HBoxModel: boxed("hbox"), VBoxModel: boxed("vbox"), HTMLModel: html, LabelModel: label, DropdownModel: dropdown, CheckboxModel: checkbox,
  ButtonModel: button, ToggleButtonModel: toggle, IntSliderModel: slider, TagsInputModel: tags, OutputModel: outputs };

// A widget of another kind, in a notebook of one's own, is used in JupyterLab.
function other() {
  return make("p", "note", said.elsewhere);
}

// The element of a widget that is whole.
export function show(kernel, id) {
  const widget = kernel.widgets.get(id), element = (VIEWS[widget.state._model_name] || other)(kernel, widget), own = [...element.classList];
  follow(widget, ["_dom_classes"], ({ _dom_classes }) => { element.className = [...new Set([...own, ..._dom_classes || []])].join(" "); });
  if (widget.state.layout) {
    follow(kernel.widgets.get(referred(widget.state.layout)), [...LAYOUT], layout =>
      LAYOUT.forEach(name => element.style.setProperty(name.replaceAll("_", "-"), layout[name] || "")));
  }
  return element;
}

const LAYOUT = ["display", "width", "height", "min_width", "max_width", "min_height", "max_height", "margin", "padding", "overflow", "visibility", "order",
  "flex", "flex_flow", "align_items", "align_self", "align_content", "justify_content", "justify_items", "border_top", "border_right", "border_bottom", "border_left"];

// What a cell has put out, shown below what it has put out before: a widget as soon as it is whole.
export function place(kernel, cell, area, data) {
  const child = output(data[WIDGET] ? {} : data);
  area.append(child);
  if (data[WIDGET]) {
    const id = data[WIDGET].model_id;
    kernel.when(id, () => {
      child.firstChild.replaceChildren(show(kernel, id));
      settle(cell);
    });
  }
}
