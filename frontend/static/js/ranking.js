// Putting choices in order, in three ways that are equal: by buttons (add, up, down, take out), by typing a place, and by
// dragging. Nothing is ranked at first, so that no order is suggested. Every move is said aloud, and the focus stays with
// what was moved. Which order follows from a move stands in ranking-order.js.
import { word } from "./api.js";
import { added, placeAt, placed, readPlace, removed } from "./ranking-order.js";

const EDGE = 56; // pixels from the edge of the window where dragging scrolls the page
const STEP = 14;

export function setUpRanking(root) {
  const list = root.querySelector("[data-ranking-list]");
  const pool = root.querySelector("[data-ranking-pool]");
  const template = root.querySelector("[data-ranking-row]");
  const empty = root.querySelector("[data-ranking-empty]");
  const said = root.querySelector("[data-ranking-said]");
  const offered = new Map([...pool.children].map((item) => [item.dataset.code, item]));
  const rows = new Map();
  let order = [];

  // What is dragged stays where it stands in the document and the others move around it: an element that is taken out and
  // put in again would lose the finger that holds it.
  function draw(held = null) {
    for (const [code, item] of offered) item.hidden = order.includes(code);
    for (const [code, row] of rows) if (!order.includes(code)) row.remove();
    const at = held ? order.indexOf(held) : order.length;
    order.forEach((code, index) => {
      const row = rows.get(code);
      if (index < at && held) rows.get(held).before(row);
      else if (code !== held) list.append(row);
      row.querySelector("[data-ranking-place]").value = index + 1;
      row.querySelector("[data-ranking-up]").disabled = index === 0;
      row.querySelector("[data-ranking-down]").disabled = index === order.length - 1;
    });
    empty.hidden = order.length > 0;
    pool.parentElement.hidden = order.length === offered.size;
  }

  const label = (code) => offered.get(code).dataset.label;

  const tell = (code) => {
    said.textContent = word("ranked", { choice: label(code), place: order.indexOf(code) + 1, count: order.length });
  };

  function made(code) {
    const row = template.content.firstElementChild.cloneNode(true);
    row.dataset.code = code;
    row.querySelector("[data-ranking-name]").textContent = label(code);
    const place = row.querySelector("[data-ranking-place]");
    const named = row.querySelector("label");
    place.id = named.htmlFor = `ranking-place-${code}`;
    named.textContent = `${label(code)}: ${named.textContent.trim()}`;
    for (const button of row.querySelectorAll("button")) {
      button.setAttribute("aria-label", `${label(code)}: ${button.textContent.trim()}`);
    }
    return row;
  }

  function add(code) {
    const codes = [...offered.keys()];
    const rest = codes.slice(codes.indexOf(code) + 1).concat(codes);
    const next = rest.find((other) => other !== code && !order.includes(other));
    rows.set(code, made(code));
    order = added(order, code);
    draw();
    tell(code);
    const inRow = "[data-ranking-up]:enabled, [data-ranking-remove]";
    (next ? offered.get(next).querySelector("button") : rows.get(code).querySelector(inRow)).focus();
  }

  function takeOut(code) {
    order = removed(order, code);
    draw();
    rows.delete(code);
    said.textContent = word("unranked", { choice: label(code) });
    offered.get(code).querySelector("button").focus();
  }

  // Move to a place, and keep the focus on the control that did it, or on its neighbour where it rests at an end.
  function move(code, place, control) {
    order = placed(order, code, place);
    draw();
    tell(code);
    const row = rows.get(code);
    (control.disabled ? row.querySelector("[data-ranking-up]:enabled, [data-ranking-down]:enabled") : control).focus();
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const code = button?.closest("li")?.dataset.code;
    if (!code) return;
    const place = order.indexOf(code) + 1;
    if (button.matches("[data-ranking-add]")) add(code);
    else if (button.matches("[data-ranking-remove]")) takeOut(code);
    else if (button.matches("[data-ranking-up]")) move(code, place - 1, button);
    else if (button.matches("[data-ranking-down]")) move(code, place + 1, button);
  });

  // --- by number ---

  function typed(input) {
    const { code } = input.closest("li").dataset;
    const place = readPlace(input.value, order.length);
    if (place === null) {
      said.textContent = word("place_range", { count: order.length });
      input.value = order.indexOf(code) + 1;
      input.select();
    } else if (place !== order.indexOf(code) + 1) {
      move(code, place, input);
      input.select();
    }
  }

  list.addEventListener("change", (event) => {
    if (event.target.matches("[data-ranking-place]")) typed(event.target);
  });

  list.addEventListener("keydown", (event) => {
    const input = event.target;
    if (!input.matches("[data-ranking-place]")) return;
    const { code } = input.closest("li").dataset;
    const place = order.indexOf(code) + 1;
    // Before the browser looks for what comes next: that is the row's neighbour at its new place.
    if (event.key === "Tab") return void typed(input);
    if (event.key === "Enter") typed(input);
    else if (event.key === "ArrowUp" && place > 1) move(code, place - 1, input);
    else if (event.key === "ArrowDown" && place < order.length) move(code, place + 1, input);
    else return;
    event.preventDefault(); // Enter would send the form, an arrow would leave the field's beginning or end
  });

  list.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-ranking-place]")) event.target.select();
  });

  // --- by dragging: only from the handle, so that a finger elsewhere scrolls the page ---

  list.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest("[data-ranking-handle]");
    if (!handle || event.button > 0) return;
    event.preventDefault();
    drag(handle, event.pointerId);
  });

  function drag(handle, pointer) {
    const row = handle.closest("li");
    const { code } = row.dataset;
    const before = order;
    const ended = new AbortController();
    const on = (target, kind, done) => target.addEventListener(kind, done, { signal: ended.signal });
    const end = (kept) => {
      ended.abort();
      row.classList.remove("is-dragged");
      if (!kept) order = before;
      draw();
      if (order.join() !== before.join()) tell(code);
    };
    handle.setPointerCapture(pointer);
    row.classList.add("is-dragged");
    on(handle, "pointermove", ({ clientY }) => {
      const middles = order.filter((other) => other !== code).map((other) => middleOf(rows.get(other)));
      const wanted = placed(order, code, placeAt(clientY, middles));
      if (wanted.join() !== order.join()) {
        order = wanted;
        draw(code);
      }
      if (clientY < EDGE) window.scrollBy(0, -STEP);
      else if (clientY > window.innerHeight - EDGE) window.scrollBy(0, STEP);
    });
    on(handle, "pointerup", () => end(true));
    on(handle, "pointercancel", () => end(false));
    on(document, "keydown", (event) => {
      if (event.key === "Escape") end(false);
    });
  }

  root.closest("form").addEventListener("reset", () => {
    order = [];
    draw();
    rows.clear();
    said.textContent = empty.textContent;
  });

  root.querySelector("[data-ranking-script]").hidden = false;
  draw();

  return {
    ranked: () => order.map((code) => ({ code: Number(code), label: label(code) })),
    complete: () => order.length === offered.size,
  };
}

function middleOf(row) {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
}
