// Sets the theme before the page is drawn, so that it never flashes.
(function () {
  "use strict";
  const chosen = localStorage.getItem("pisada.theme");
  const light = window.matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = chosen || (light ? "light" : "dark");
})();
