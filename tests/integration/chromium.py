"""A real browser over Django's test client: pages in any state, made by the test, seen as people see them.

Nothing listens anywhere: the browser lives in a thread of its own, and what it asks for is answered by the test client in
the test's thread and transaction; static files by the finders. For what only a running site has (workers, streams, other
people), see tests/journeys.
"""

import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

SITE = "http://testserver"
AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
SECONDS_MAX = 60

Found = TypeVar("Found")


class Chromium:
    """Debian's Chromium in a thread of its own. `do` lets it work and answers its requests meanwhile."""

    def __init__(self, *switches: str) -> None:
        """Start it, with further switches of its command line."""
        self._switches = switches
        self._orders: queue.Queue[Callable[[Browser], Any] | None] = queue.Queue()
        self._news: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def do(self, order: Callable[[Browser], Found]) -> Found:
        """Run an order in the browser's thread, and answer what its windows ask for in this one."""
        self._orders.put(order)
        broken: Exception | None = None
        while True:
            kind, value = self._news.get(timeout=SECONDS_MAX)
            if kind != "asked":
                if broken is not None:
                    raise broken
                if kind == "failed":
                    raise value
                return value  # type: ignore[no-any-return]
            answer, asked, reply = value
            try:
                reply.put(answer(asked))
            except Exception as error:  # noqa: BLE001 - it is raised once the browser has come to its end
                broken = error
                reply.put({"status": 500})

    def ask(self, answer: Callable[[Any], Any], asked: Any) -> Any:
        """Hand a request over to the test's thread, and wait for its answer. Called in the browser's thread."""
        reply: queue.Queue[Any] = queue.Queue()
        self._news.put(("asked", (answer, asked, reply)))
        return reply.get(timeout=SECONDS_MAX)

    def close(self) -> None:
        """End it."""
        self._orders.put(None)
        self._thread.join(SECONDS_MAX)

    def _live(self) -> None:
        with sync_playwright() as playwright:
            switches = [*CHROMIUM, *self._switches]
            running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=switches)
            while (order := self._orders.get()) is not None:
                try:
                    self._news.put(("done", order(running)))
                except BaseException as error:  # noqa: BLE001 - it is raised again in the test's thread
                    self._news.put(("failed", error))
            running.close()


@dataclass
class Window:
    """One window: opens pages of the site as the test client gets them."""

    chromium: Chromium
    client: Client
    headers: dict[str, str]
    errors: list[str] = field(default_factory=list)
    page: Page | None = None

    def run(self, work: Callable[[Page], Found]) -> Found:
        """Do something with the page that is open."""
        return self.chromium.do(lambda _running: work(self.page))

    def open(self, path: str) -> None:
        """Go to a page of the site."""
        self.run(lambda page: page.goto(f"{SITE}{path}", wait_until="load"))

    def wear(self, theme: str) -> None:
        """Show the page in other colours, and wait until it does."""
        self.run(lambda page: page.evaluate(_WEAR, theme))

    def violations(self, *rules: str) -> list[str]:
        """Return what axe-core finds on the open page, a line for each element: by these rules, or by all that we keep to."""
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": STANDARDS}
        found = self.run(lambda page: _axe(page, only))
        return [
            f"{each['id']}: {node['target'][0]} {node['html'][:140]} | {_why(node)}"
            for each in found
            for node in each["nodes"]
        ]

    def sticks_out(self) -> list[str]:
        """Return what reaches beyond the sides of the window, outermost first; nothing when the page fits."""
        return self.run(lambda page: page.evaluate(_STICKS_OUT))  # type: ignore[no-any-return]

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        url = urlsplit(asked["url"])
        if url.path.startswith("/static/"):
            file = finders.find(url.path.removeprefix("/static/"))
            if file is None:
                return {"status": 404}
            return {"body": Path(file).read_bytes(), "content_type": KINDS.get(Path(file).suffix, "text/plain")}
        path = url.path + (f"?{url.query}" if url.query else "")
        headers = self.headers | asked["headers"]
        if asked["method"] == "GET":
            response = self.client.get(path, headers=headers, follow=True)
        else:
            kind = headers.pop("content-type", "application/x-www-form-urlencoded")
            response = self.client.generic(asked["method"], path, asked["body"], content_type=kind, headers=headers)
            if response.status_code in {301, 302, 303}:
                response = self.client.get(response["Location"], headers=self.headers, follow=True)
        return {"status": response.status_code, "body": response.getvalue(), "content_type": response["Content-Type"]}


@contextmanager
def window(
    chromium: Chromium, client: Client, *, width: int = 1280, language: str = "en", **options: Any
) -> Iterator[Window]:
    """Open a window; no script of a page may have failed by its end."""
    opened = Window(chromium, client, {"accept-language": language})

    def begin(running: Browser) -> BrowserContext:
        context = running.new_context(
            viewport={"width": width, "height": 800},
            bypass_csp=True,
            service_workers="block",
            reduced_motion="reduce",
            **options,
        )
        context.route("**/*", lambda route: _hand_over(opened, route))
        context.on("weberror", lambda error: opened.errors.append(str(error.error)))
        opened.page = context.new_page()
        return context

    context = chromium.do(begin)
    try:
        yield opened
        assert opened.errors == []
    finally:
        chromium.do(lambda _running: context.close())


def _hand_over(opened: Window, route: Route) -> None:
    if route.request.resource_type == "eventsource":
        route.abort()  # a stream would hold the test up; pages ask instead where there is none
    else:
        route.fulfill(**opened.chromium.ask(opened._answer, _asked(route)))


def _asked(route: Route) -> dict[str, Any]:
    request = route.request
    passed_on = ("hx-", "x-csrf", "accept", "content-type")
    headers = {name: value for name, value in request.headers.items() if name.startswith(passed_on)}
    for name in ("accept-encoding", "accept-language"):
        headers.pop(name, None)
    return {"url": request.url, "method": request.method, "headers": headers, "body": request.post_data_buffer or b""}


def _axe(page: Page, only: dict[str, Any]) -> list[dict[str, Any]]:
    if not page.evaluate("'axe' in window"):
        page.context.add_init_script(path=str(AXE))  # for the pages that come: half a megabyte is handed over once
        page.add_script_tag(path=str(AXE))
    found: list[dict[str, Any]] = page.evaluate(
        # The rules that we keep to look at no style sheet as a text: none is fetched a second time.
        "only => axe.run(document, {runOnly: only, resultTypes: ['violations'], preload: {assets: ['media']}})"
        ".then(found => found.violations)",
        only,
    )
    return found


def _why(node: dict[str, Any]) -> str:
    return " ".join(line.strip() for line in node["failureSummary"].splitlines()[1:3])[:200]


_WEAR = """theme => new Promise(done => {
  document.documentElement.setAttribute('data-theme', theme);
  requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(done), 20));
})"""
_STICKS_OUT = """() => {
  const wide = document.documentElement.clientWidth;
  const inScroller = one => {
    for (let up = one.parentElement; up && up !== document.body; up = up.parentElement)
      if (getComputedStyle(up).overflowX !== 'visible') return true;
    return false;
  };
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.body.querySelectorAll('*')]
    .filter(one => one.getBoundingClientRect().right > wide + 1 && getComputedStyle(one).position !== 'fixed')
    .filter(one => !inScroller(one))
    .slice(0, 5).map(one => `${one.tagName}.${one.getAttribute('class')} ${one.textContent.trim().slice(0, 60)}`);
}"""
