// What Voila's script expects of the page around it, and whether the page still lives: it asks the server now and then.
(function () {
  "use strict";
  window.voila_heartbeat = window.voila_process = window.voila_finish = function () {};
  window.cellLoaded = true;
  // Two things that are as they should be, and would be said dozens of times a page: Voila comes with the core of an older JupyterLab than
  // the widgets were built for; and a chart as wide as the page is as high as its rows need.
  var warn = console.warn;
  console.warn = function () {
    var said = Array.prototype.join.call(arguments, " ");
    if (!/^(Unsatisfied|No satisfying) version |^WARN Dropping "fit-y"/.test(said)) warn.apply(console, arguments);
  };
  // The widgets' manager gives a kernel four seconds to tell it of all widgets, then asks for each alone and mixes up which was first: a busy
  // kernel is waited for instead, and a dead one is what the page finds out below.
  var later = window.setTimeout;
  window.setTimeout = function (what) {
    var given = Array.prototype.slice.call(arguments);
    if (typeof what === "function" && String(what).indexOf("Control comm did not respond in time") >= 0) given[1] = 600000;
    return later.apply(window, given);
  };
  var EVERY = 20000, SOON = 3000, timer = null;

  function show(id, visible) {
    var box = document.getElementById(id);
    if (box) box.hidden = !visible;
  }
  function ask() {
    clearTimeout(timer);
    var body = document.body.dataset;
    fetch(body.base + "app/alive/" + body.kernel, { cache: "no-store" }).then(function (answer) {
      var ended = [403, 404, 410].indexOf(answer.status) >= 0 || answer.redirected;  // its kernel has, or the visitor has to come in again
      var lost = !ended && answer.status !== 204;  // what a proxy says whose server is down
      show("opsnb-lost", lost);
      show("opsnb-ended", ended);
      if (!ended) timer = setTimeout(ask, lost ? SOON : EVERY);
    }, function () {
      show("opsnb-lost", true);
      timer = setTimeout(ask, SOON);
    });
  }
  // What has become of the cells that began with a skeleton, for the style sheet: told, they have put something out; over, nothing will come;
  // shown, there is something to look at.
  function settle() {
    document.querySelectorAll(".opsnb-cell:not(.settled)").forEach(function (cell) {
      if (cell.querySelector(".jp-OutputArea-output > *")) cell.classList.add("told");
      else if (cell.querySelector(".jp-Cell-outputWrapper") && !cell.querySelector(".jp-OutputArea-child")) cell.classList.add("over");
      if (cell.querySelector("[data-drawn], .opsnb > .scroll, .quiet, .warn")) cell.classList.add("shown");
      if (cell.matches(".told.shown, .told:not(.tall)")) cell.classList.add("settled");
    });
  }
  new MutationObserver(settle).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-drawn"] });
  document.addEventListener("DOMContentLoaded", function () {
    timer = setTimeout(ask, SOON);
    window.addEventListener("online", ask);
    window.addEventListener("pagehide", function (event) {
      if (!event.persisted) navigator.sendBeacon(document.body.dataset.base + "voila/api/shutdown/" + document.body.dataset.kernel);
    });
    window.addEventListener("pageshow", function (event) { if (event.persisted) ask(); });
    document.querySelector("#opsnb-ended a").href = location.href;
  });
})();
