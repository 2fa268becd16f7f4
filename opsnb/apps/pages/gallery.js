// The search of the list: what does not say all the words is hidden.
(function () {
  "use strict";
  var field = document.getElementById("search"), nothing = document.querySelector(".nothing");
  function look() {
    var words = field.value.toLowerCase().split(/\s+/).filter(Boolean), left = 0;
    document.querySelectorAll("[data-says]").forEach(function (item) {
      var says = item.dataset.says.toLowerCase();
      item.hidden = !words.every(function (word) { return says.includes(word); });
      if (!item.hidden) left += 1;
    });
    nothing.hidden = left > 0;
  }
  field.addEventListener("input", look);
  look();
})();
