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
  }
  // The page as it stands: drawings are SVG, so all that is taken away are scripts, controls and what hangs on a server.
  function snapshot() {
    var copy = document.documentElement.cloneNode(true);
    var rules = "";
    for (var sheet of document.styleSheets) {
      try {
        for (var rule of sheet.cssRules) rules += rule.cssText + "\n";
      } catch (error) { /* a sheet of another origin, which pages of ours do not have */ }
    }
    copy.querySelectorAll("script, link, style, .opsnb-bar, .opsnb-controls, .opsnb-period, #loading, #vg-tooltip-element").forEach(function (part) { part.remove(); });
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
  var acts = { share: share, save: save, print: function () { window.print(); }, reset: function () { location.search = location.search.replace(/[?&](?!lang=)[^&=]+=[^&]*/g, "").replace(/^&/, "?"); } };
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-does]");
    if (button && acts[button.dataset.does]) acts[button.dataset.does](button);
  });
  // Folded parts are printed unfolded.
  window.addEventListener("beforeprint", function () { document.querySelectorAll(".opsnb-page details").forEach(function (part) { part.open = true; }); });
  window.opsnbPage = { contents: contents };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", contents);
  else contents();
})();
