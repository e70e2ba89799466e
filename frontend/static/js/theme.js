// The colour theme: automatic (the system's), light or dark. Runs before the first paint so that nothing flashes.
(() => {
  "use strict";
  const KEY = "theme";
  const ORDER = ["auto", "light", "dark"];

  const read = () => {
    try {
      const stored = localStorage.getItem(KEY);
      return ORDER.includes(stored) ? stored : "auto";
    } catch {
      return "auto"; // storage is forbidden in this browser; the system's theme it is
    }
  };

  const apply = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };

  apply(read());

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-button]");
    if (!button) return;
    const label = button.querySelector("[data-theme-label]");
    const show = (theme) => {
      label.textContent = button.dataset[theme];
      button.title = button.dataset[theme];
    };
    button.hidden = false;
    show(read());
    button.addEventListener("click", () => {
      const next = ORDER[(ORDER.indexOf(read()) + 1) % ORDER.length];
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // without storage the choice lasts for this page
      }
      apply(next);
      show(next);
    });
  });
})();
