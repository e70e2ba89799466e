// A part of a page that renews itself. The server says over a stream that something changed, and htmx fetches the part;
// without a stream (none free, or none gets through) it is asked for every few seconds. A hidden page does neither. What
// happens is said in words: live, asking, or not reachable and since when.
const ASK = 4_000;
const GAP = 1_500; // between two fetches, however often something changes
const STREAM_AGAIN = 60_000;
const OPENING = 5_000; // a stream that ended is opened again by the browser; longer than this, it is asked for meanwhile

export function start(box) {
  const status = box.querySelector("[data-live-status]");
  let source = null;
  let asking = 0;
  let soon = 0;
  let opening = 0;
  let again = 0;
  let fetched = 0;
  let seenAt = new Date();
  let lost = false;

  const part = () => box.querySelector("[data-live-part]");
  const say = (state) => {
    const time = seenAt.toLocaleTimeString(document.documentElement.lang || "en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const text = status.dataset[state].replace("{time}", time);
    status.dataset.state = state;
    if (status.textContent !== text) status.textContent = text;
  };
  const settle = () => say(lost ? "lost" : source?.readyState === EventSource.OPEN ? "live" : "asking");

  const refresh = () => {
    if (soon || document.hidden) return;
    const wait = Math.max(0, fetched + GAP - Date.now());
    soon = setTimeout(() => {
      soon = 0;
      fetched = Date.now();
      part()?.dispatchEvent(new CustomEvent("live-changed"));
    }, wait);
  };
  const ask = () => {
    if (asking) return;
    settle();
    asking = setInterval(refresh, ASK);
  };
  const askNoMore = () => {
    clearInterval(asking);
    clearTimeout(opening);
    asking = opening = 0;
  };

  const listen = () => {
    clearTimeout(again);
    if (!("EventSource" in window)) return ask();
    const seen = encodeURIComponent(part().dataset.liveSeen);
    source = new EventSource(`${box.dataset.liveStream}?seen=${seen}`);
    source.addEventListener("open", () => {
      askNoMore();
      if (lost) refresh();
      else settle();
    });
    source.addEventListener("changed", refresh);
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) {
        source = null;
        ask();
        again = setTimeout(listen, STREAM_AGAIN);
      } else if (!opening) {
        opening = setTimeout(ask, OPENING);
      }
    });
  };
  const rest = () => {
    source?.close();
    source = null;
    askNoMore();
    clearTimeout(soon);
    clearTimeout(again);
    soon = again = 0;
  };

  box.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt !== part() && event.detail.successful === undefined) return;
    lost = !event.detail.successful;
    if (!lost) seenAt = new Date();
    if (lost) ask();
    settle();
  });
  box.addEventListener("htmx:afterSettle", () => {
    if (part()) return;
    rest(); // what came does not ask to be renewed: it is over
    say("over");
  });
  document.addEventListener("visibilitychange", () => {
    if (!part()) return;
    rest();
    if (document.hidden) return;
    refresh();
    listen();
  });
  addEventListener("pagehide", rest);
  addEventListener("pageshow", (event) => {
    if (event.persisted && part()) listen();
  });
  if (!document.hidden) listen();
}
