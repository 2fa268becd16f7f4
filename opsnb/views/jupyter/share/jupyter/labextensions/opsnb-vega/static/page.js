// What a page of ours can do by itself, without a kernel: a list of its sections beside it, a copy of its address, a printout, and a copy of
// the page as one file. A button says what it does by data-does.
(function () {
  "use strict";
  function contents() {
    var place = document.querySelector(".opsnb-toc");
    var heads = document.querySelectorAll(".opsnb-page h2");
    if (!place || place.childElementCount || heads.length < 2) return;
    heads.forEach(function (head, number) {
      if (!head.id) head.id = "part-" + number;
      var link = document.createElement("a");
      link.href = "#" + head.id;
      link.textContent = head.textContent.replace("¶", "").trim();
      place.append(link);
    });
    menu(place);
  }
  // The same list as a menu in the bar, where a page is too narrow to have it beside.
  function menu(list) {
    var bar = document.querySelector(".opsnb-bar .space");
    if (!bar) return;
    var folded = document.createElement("details"), head = document.createElement("summary"), links = document.createElement("nav");
    folded.className = "opsnb-jump";
    head.textContent = list.getAttribute("aria-label");
    links.setAttribute("aria-label", head.textContent);
    links.append.apply(links, Array.from(list.children, function (link) { return link.cloneNode(true); }));
    folded.append(head, links);
    bar.before(folded);
    function close(event) {
      if (folded.open && (event.type === "keydown" ? event.key === "Escape" : !event.target.closest("summary"))) {
        folded.open = false;
        if (event.type === "keydown") head.focus();
      }
    }
    document.addEventListener("click", close);
    document.addEventListener("keydown", close);
  }
  // The field that takes one more step says what it is for to who cannot see it.
  function named() {
    document.querySelectorAll(".jupyter-widget-taginput:not([aria-label])").forEach(function (field) {
      var box = field.closest("[title]");
      if (box) field.setAttribute("aria-label", box.title);
    });
  }
  // What the controls of each section are set to, in words: on paper and in a copy of the page nobody can look at the controls themselves.
  function tell() {
    var colon = document.documentElement.lang === "zh" ? "：" : ": ";
    function text(part) { return part ? part.textContent.trim() : ""; }
    function said(control) {
      var names = Array.from(control.querySelectorAll(".jupyter-widget-tag"), function (tag) { return tag.firstChild.textContent; });
      var pressed = Array.from(control.querySelectorAll("[aria-pressed=true]"), text), check = control.querySelector("[type=checkbox]");
      if (names.length) return [names.join(" → ")];
      if (check) return check.checked ? [text(control)] : [];
      if (pressed.length) return [text(control.querySelector(".widget-label")) + colon + pressed.join(", ")];
      return Array.from(control.querySelectorAll("select, output"), function (one) {
        var value = one.selectedOptions ? text(one.selectedOptions[0]) : text(one), label = text(one.parentElement.querySelector(".widget-label"));
        return label ? label + colon + value : value;
      });
    }
    function write(row, parts) {
      var line = document.createElement("p");
      line.className = "opsnb-chosen";
      line.textContent = parts.filter(Boolean).join(" · ");
      if (line.textContent) row.after(line);
    }
    hush();
    document.querySelectorAll(".opsnb-controls").forEach(function (row) {
      write(row, Array.from(row.children).filter(function (control) { return control.offsetParent; }).flatMap(said));
    });
    document.querySelectorAll(".opsnb-period").forEach(function (row) {
      var current = row.querySelector("[aria-current]"), days = row.querySelector("[name=days]");
      write(row, current ? [text(current)] : days ? [text(days.parentElement) + colon + days.defaultValue] : []);
    });
  }
  function hush() {
    document.querySelectorAll(".opsnb-chosen").forEach(function (line) { line.remove(); });
  }
  // The page as it stands: drawings are SVG, so all that is taken away are scripts, controls and what hangs on a server.
  function snapshot() {
    tell();
    var copy = document.documentElement.cloneNode(true);
    hush();
    var rules = "";
    for (var sheet of document.styleSheets) {
      try {
        for (var rule of sheet.cssRules) rules += rule.cssText + "\n";
      } catch (error) { /* a sheet of another origin, which pages of ours do not have */ }
    }
    copy.querySelectorAll("script, link, style, .opsnb-bar, .opsnb-controls, .opsnb-period, #loading, #vg-tooltip-element").forEach(function (part) { part.remove(); });
    delete copy.querySelector("body").dataset.kernel;  // by which the open page could be reached
    var style = document.createElement("style");
    style.textContent = rules;
    copy.querySelector("head").append(style);
    return "<!DOCTYPE html>\n" + copy.outerHTML;
  }
  function save() {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([snapshot()], { type: "text/html" }));
    link.download = (document.title || "opsnb").replace(/[^\p{L}\p{N}]+/gu, "-") + ".html";
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  }
  function share(button) {
    var said = button.textContent;
    function told(text) {
      button.textContent = text;
      setTimeout(function () { button.textContent = said; }, 2000);
    }
    var done = function () { told(button.dataset.done); };
    if (navigator.clipboard) navigator.clipboard.writeText(location.href).then(done, function () { window.prompt(said, location.href); });
    else window.prompt(said, location.href);
  }
  // The address without what was chosen; the language stays.
  function reset() {
    var lang = new URLSearchParams(location.search).get("lang");
    location.search = lang ? "?lang=" + encodeURIComponent(lang) : "";
  }
  var acts = { share: share, save: save, print: function () { window.print(); }, reset: reset };
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-does]");
    if (button && acts[button.dataset.does]) acts[button.dataset.does](button);
    // What went wrong is tried again here: JupyterLab's pages open each link of an output in a tab of its own.
    var again = event.target.closest(".opsnb [role=alert] a");
    if (again) {
      event.preventDefault();
      if (again.matches(".anew")) reset();
      else location.reload();
    }
    // The other language, or another period, of the same view.
    var other = event.target.closest(".opsnb-bar a[lang], .opsnb-period a");
    if (other) other.href = joined(new URL(other.href).searchParams);
  });
  document.addEventListener("submit", function (event) {
    if (!event.target.closest(".opsnb-period")) return;
    event.preventDefault();
    location.search = joined(new URLSearchParams(new FormData(event.target)));
  });
  function joined(changed) {
    var asked = new URLSearchParams(location.search);
    changed.forEach(function (value, name) { asked.set(name, value); });
    return "?" + asked;
  }
  // Folded parts are printed unfolded.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll(".opsnb-page details:not(.opsnb-jump)").forEach(function (part) { part.open = true; });
    tell();
  });
  window.addEventListener("afterprint", hush);
  // What sections say of their controls goes into the address, so that a link opens the same view.
  function remember() {
    var wanted = new URLSearchParams();
    var states = document.querySelectorAll(".opsnb-state");
    var sections = Array.from(states, function (state) { return state.dataset.section + "."; });
    new URLSearchParams(location.search).forEach(function (value, name) {
      if (!sections.some(function (section) { return name.startsWith(section); })) wanted.append(name, value);
    });
    states.forEach(function (state) {
      new URLSearchParams(state.dataset.state).forEach(function (value, name) { wanted.append(name, value); });
    });
    var search = wanted.toString();
    if (search !== new URLSearchParams(location.search).toString()) history.replaceState(null, "", location.pathname + (search ? "?" + search : "") + location.hash);
  }
  var waiting = false;
  new MutationObserver(function () {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(function () {
      waiting = false;
      contents();
      named();
      if (document.querySelector(".opsnb-state")) remember();
    });
  }).observe(document.documentElement, { childList: true, subtree: true });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", contents);
  else contents();
})();
