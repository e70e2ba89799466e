// Putting choices in order, by buttons: add, up, down, take out. Nothing is ranked at first, so that no order is suggested.
// Every move is said aloud, and the focus stays with what was moved.
import { word } from "./api.js";

export function setUpRanking(root) {
  const list = root.querySelector("[data-ranking-list]");
  const pool = root.querySelector("[data-ranking-pool]");
  const row = root.querySelector("[data-ranking-row]");
  const empty = root.querySelector("[data-ranking-empty]");
  const said = root.querySelector("[data-ranking-said]");
  const order = [...pool.children];

  const renumber = () => {
    [...list.children].forEach((item, index) => {
      item.querySelector("[data-ranking-place]").textContent = index + 1;
      item.querySelector("[data-ranking-up]").disabled = index === 0;
      item.querySelector("[data-ranking-down]").disabled = index === list.children.length - 1;
    });
    empty.hidden = list.children.length > 0;
    pool.parentElement.hidden = ![...pool.children].some((item) => !item.hidden);
  };

  const tell = (item) => {
    const place = [...list.children].indexOf(item) + 1;
    said.textContent = word("ranked", { choice: item.dataset.label, place, count: list.children.length });
  };

  const add = (offered) => {
    const next = order.slice(order.indexOf(offered) + 1).concat(order).find((other) => other !== offered && !other.hidden);
    const item = row.content.firstElementChild.cloneNode(true);
    item.dataset.code = offered.dataset.code;
    item.dataset.label = offered.dataset.label;
    item.querySelector("[data-ranking-name]").textContent = offered.dataset.label;
    for (const button of item.querySelectorAll("button")) {
      button.setAttribute("aria-label", `${offered.dataset.label}: ${button.textContent.trim()}`);
    }
    offered.hidden = true;
    list.append(item);
    renumber();
    tell(item);
    (next?.querySelector("button") ?? item.querySelector("[data-ranking-up]:enabled, [data-ranking-remove]")).focus();
  };

  const takeOut = (item) => {
    const offered = order.find((other) => other.dataset.code === item.dataset.code);
    item.remove();
    offered.hidden = false;
    renumber();
    said.textContent = word("unranked", { choice: item.dataset.label });
    offered.querySelector("button").focus();
  };

  const move = (item, button, up) => {
    if (up) item.previousElementSibling.before(item);
    else item.nextElementSibling.after(item);
    renumber();
    tell(item);
    (button.disabled ? item.querySelector("[data-ranking-up]:enabled, [data-ranking-down]:enabled") : button).focus();
  };

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const item = button?.closest("li");
    if (!item) return;
    if (button.matches("[data-ranking-add]")) add(item);
    else if (button.matches("[data-ranking-remove]")) takeOut(item);
    else move(item, button, button.matches("[data-ranking-up]"));
  });
  renumber();

  return {
    ranked: () => [...list.children].map((item) => ({ code: Number(item.dataset.code), label: item.dataset.label })),
    complete: () => list.children.length === order.length,
  };
}
