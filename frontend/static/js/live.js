// Small comforts around parts that htmx replaces: what the reader opened stays open, logs stay at their end, and the
// summary of a refused form takes the focus. Begins once for a page, where its line for problems stands.

export function start(problem) {
  const opened = new Set();
  const scrolled = new Map();

  document.addEventListener("htmx:beforeSwap", (event) => {
    opened.clear();
    scrolled.clear();
    for (const log of event.detail.target.querySelectorAll("[data-keep-at-end][id]")) {
      if (log.scrollTop + log.clientHeight < log.scrollHeight - 8) scrolled.set(log.id, log.scrollTop);
    }
    for (const details of event.detail.target.querySelectorAll("details[id][open]")) opened.add(details.id);
  });

  const settle = () => {
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    for (const log of document.querySelectorAll("[data-keep-at-end]")) {
      log.scrollTop = scrolled.get(log.id) ?? log.scrollHeight; // who reads further up is not pulled away
    }
  };

  document.addEventListener("htmx:afterSettle", settle);
  // Nobody watches a hidden page, so it asks nothing. When the server does not answer, the page says that it may be old.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  const failed = (event) => {
    if (event.detail.elt?.closest("[data-live-stream]")) return; // it says so itself (stream.js)
    problem.textContent = problem.dataset.text;
  };
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:afterSwap", () => {
    problem.textContent = "";
  });

  // When voting opens while the page is open, a link to the vote panel appears; the page never reloads under the reader.
  document.addEventListener("htmx:afterSwap", () => {
    const invitation = document.querySelector("[data-needs-vote-panel]");
    if (invitation) invitation.hidden = Boolean(document.getElementById("vote-panel"));
  });

  settle();
  // On a narrow screen tabs scroll sideways: bring the current ones into sight, and move the page itself nowhere.
  for (const here of document.querySelectorAll(".tabs [aria-current]")) {
    const tabs = here.closest(".tabs");
    const [inner, outer] = [here.getBoundingClientRect(), tabs.getBoundingClientRect()];
    tabs.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
  }
  document.querySelector("[data-focus-me]")?.focus();
}
