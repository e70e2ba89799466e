// Between the pages and the network. Pages come from the network, always; only when it does not answer, the last copy of the
// page is shown instead, and where there is none, a page that says so. Copies: the last PAGES_MAX pages that were read.
// Nothing of the API, of the hub or of one's own pages below /me/ is kept.

const CACHE = "pages-1";
const PAGES_MAX = 40;
const OFFLINE = "/offline/";
const NOT_KEPT = /^\/(?:api|hub|v1|admin|me|demo|join|unsubscribe)\//;
const AT = "x-copied-at";

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.add(OFFLINE))
      .then(() => self.skipWaiting()),
  );
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// What was shown from a copy, until its page asks.
const shown = new Map();

self.addEventListener("message", ({ data, source }) => {
  const at = shown.get(data.asked);
  if (at) source.postMessage({ copy: data.asked, at });
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(event, url));
  else if (url.pathname.startsWith("/static/") && request.destination !== "") event.respondWith(part(event));
});

async function page(event, url) {
  const kept = !NOT_KEPT.test(url.pathname);
  try {
    const answer = await fetch(event.request);
    shown.delete(url.href);
    if (kept && answer.ok && (answer.headers.get("content-type") ?? "").startsWith("text/html")) {
      event.waitUntil(keep(event.request, answer.clone()));
    }
    return answer;
  } catch {
    const cache = await caches.open(CACHE);
    const copy = kept ? await cache.match(event.request) : undefined;
    if (!copy) return (await cache.match(OFFLINE)) ?? Response.error();
    shown.set(url.href, copy.headers.get(AT));
    return copy;
  }
}

async function keep(request, answer) {
  const headers = new Headers(answer.headers);
  headers.set(AT, new Date().toISOString());
  const cache = await caches.open(CACHE);
  await cache.put(request, new Response(await answer.blob(), { status: answer.status, headers }));
  const pages = (await cache.keys()).filter(({ url }) => !new URL(url).pathname.startsWith("/static/"));
  const tooMany = pages.filter(({ url }) => new URL(url).pathname !== OFFLINE).slice(0, -PAGES_MAX);
  for (const old of tooMany) await cache.delete(old);
}

// Style, script and pictures: from the network, and from the copy when it does not answer.
async function part(event) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(event.request);
    if (answer.ok) event.waitUntil(cache.put(event.request, answer.clone()));
    return answer;
  } catch {
    return (await cache.match(event.request)) ?? Response.error();
  }
}
