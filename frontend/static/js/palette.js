// The command palette: pages, actions, and what the search finds while one types. A combobox whose list is always shown
// (WAI-ARIA 1.2): the focus stays in the field, aria-activedescendant says which entry Enter takes. Opens with Ctrl or
// Command and K, and with "/" outside of fields; that key alone can be switched off (WCAG 2.1.4).
const PAUSE_MS = 120;
const SLASH_KEY = "palette-slash-off";
const MARKS = /\p{Mark}/gu;

export const folded = (text) => text.normalize("NFKD").replace(MARKS, "").toLowerCase();

// Whether every word that was typed begins a word of the text.
export function begins(text, typed) {
  const words = folded(text).split(/[^\p{L}\p{N}]+/u);
  const wanted = folded(typed).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return wanted.every((each) => words.some((word) => word.startsWith(each)));
}

const isField = (element) => element?.closest?.("input, textarea, select, [contenteditable]:not([contenteditable=false])");

export function start(dialog) {
  const words = dialog.querySelector("[data-palette-words]");
  const list = dialog.querySelector("[data-palette-list]");
  const count = dialog.querySelector("[data-palette-count]");
  const row = dialog.querySelector("[data-palette-row]");
  const slash = dialog.querySelector("[data-palette-slash]");
  const commands = [...list.children];
  const sprite = document.querySelector("svg.icon use")?.getAttribute("href")?.split("#")[0] ?? "";
  let shown = [];
  let active = -1;
  let asked = null;
  let timer = 0;
  let told = 0;

  commands.forEach((option) => {
    option.dataset.words = `${option.textContent} ${option.dataset.kind}`;
    option.append(kindOf(option.dataset.kind));
  });

  function kindOf(text) {
    const kind = document.createElement("span");
    kind.className = "palette__kind";
    kind.textContent = text;
    return kind;
  }

  function made(icon, title, kind, address) {
    const option = row.content.firstElementChild.cloneNode(true);
    option.querySelector("use").setAttribute("href", `${sprite}#${icon}`);
    option.querySelector("span").textContent = title;
    option.append(kindOf(kind));
    option.dataset.address = address;
    return option;
  }

  function mark(number) {
    shown[active]?.setAttribute("aria-selected", "false");
    active = shown.length ? (number + shown.length) % shown.length : -1;
    const option = shown[active];
    if (!option) return words.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    words.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function show(found) {
    const typed = words.value.trim();
    const own = commands.filter((option) => begins(option.dataset.words, typed));
    const more = found.map((each) => {
      const kind = [each.kind, each.state, each.community].filter(Boolean).join(" · ");
      return made(each.icon, each.title, kind, each.address);
    });
    if (typed) {
      const title = dialog.dataset.everywhere.replace("{words}", typed);
      more.push(made("search", title, dialog.dataset.everywhereKind, `${dialog.dataset.search}?q=${encodeURIComponent(typed)}`));
    }
    shown = [...own, ...more];
    shown.forEach((option, number) => {
      option.id = `palette-option-${number}`;
      option.setAttribute("aria-selected", "false");
    });
    list.replaceChildren(...shown);
    mark(0);
    // After a pause, so that a screen reader hears the last number and not each one.
    clearTimeout(told);
    told = setTimeout(() => {
      const said = { 0: dialog.dataset.none, 1: dialog.dataset.one }[shown.length] ?? dialog.dataset.many;
      count.textContent = said.replace("{n}", shown.length);
    }, PAUSE_MS * 2);
  }

  async function ask() {
    asked?.abort();
    const typed = words.value.trim();
    if (typed.length < 2) return;
    asked = new AbortController();
    try {
      const answer = await fetch(`${dialog.dataset.suggest}?q=${encodeURIComponent(words.value)}`, {
        signal: asked.signal,
        headers: { accept: "application/json" },
      });
      if (!answer.ok) return;
      const { found } = await answer.json();
      if (typed === words.value.trim()) show(found);
    } catch {
      // Aborted by the next letter, or no answer: pages and actions work without one.
    }
  }

  function take(option) {
    if (!option) return;
    dialog.close();
    if (option.dataset.address) window.location.assign(option.dataset.address);
    else document.querySelector(option.dataset.press)?.click();
  }

  function open() {
    if (dialog.open || document.querySelector("dialog[open]")) return;
    words.value = "";
    show([]);
    dialog.showModal(); // the browser gives the focus back when it closes
    words.focus();
  }

  words.addEventListener("input", () => {
    show([]);
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  words.addEventListener("keydown", (event) => {
    const steps = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: Math.min(active + 8, shown.length - 1), PageUp: Math.max(active - 8, 0) };
    if (event.key in steps) mark(steps[event.key]);
    else if (event.key === "Enter" && !event.isComposing) take(shown[active]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => take(event.target.closest("[role=option]")));
  list.addEventListener("pointermove", (event) => {
    const number = shown.indexOf(event.target.closest("[role=option]"));
    if (number >= 0 && number !== active) mark(number);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => asked?.abort());
  dialog.querySelector("[data-palette-close]").addEventListener("click", () => dialog.close());
  slash.checked = !isOff();
  slash.addEventListener("change", () => switchOff(!slash.checked));
  document.addEventListener("keydown", (event) => {
    const command = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k";
    const plain = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isField(event.target) && !isOff();
    if (!command && !plain) return;
    event.preventDefault();
    open();
  });
  for (const button of document.querySelectorAll("[data-palette-open]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }
}

function isOff() {
  try {
    return localStorage.getItem(SLASH_KEY) === "1";
  } catch {
    return false; // a browser that keeps nothing
  }
}

function switchOff(off) {
  try {
    if (off) localStorage.setItem(SLASH_KEY, "1");
    else localStorage.removeItem(SLASH_KEY);
  } catch {
    // It holds for this page alone.
  }
}
