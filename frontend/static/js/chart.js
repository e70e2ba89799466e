// Reads a chart aloud: a line follows the pointer or the arrow keys, and the values under it stand in words below.
// Places and words come from the server in data attributes; without this script the chart and its table say the same.
const SVG = "http://www.w3.org/2000/svg";
// What is read in which chart: a part that renews itself goes on there.
const reads = new Map();
let focused = "";

export function start(box) {
  const svg = box.querySelector("svg");
  const reading = box.querySelector("[data-chart-reading]");
  const [left, right, top, bottom] = box.dataset.from.split(" ").map(Number);
  const at = box.dataset.at.split(" ").map(Number);
  const says = box.dataset.says.split("|");
  const lines = [...svg.querySelectorAll("[data-at]")].map((line) => ({
    name: line.dataset.name,
    at: line.dataset.at.split(" "),
    says: line.dataset.says.split("|"),
  }));
  let here = null;
  let cursor = null;

  // The chart is a picture that can be walked through; how, is said when it has the focus.
  svg.setAttribute("tabindex", "0");
  const rest = () => {
    reads.delete(svg.id);
    cursor?.remove();
    cursor = here = null;
    reading.textContent = document.activeElement === svg ? reading.dataset.hint : "";
  };
  reading.hidden = false;

  const show = (index) => {
    if (index === here) return;
    here = index;
    if (svg.id) reads.set(svg.id, says[index]);
    cursor?.remove();
    cursor = svg.appendChild(document.createElementNS(SVG, "g"));
    draw(cursor, "line", { class: "chart__cursor", x1: at[index], x2: at[index], y1: top, y2: bottom });
    for (const line of lines) {
      if (line.at[index] === "-") continue;
      draw(cursor, "circle", { class: "chart__cursor-dot", cx: at[index], cy: line.at[index], r: 5 });
    }
    const values = lines
      .filter((line) => line.says[index])
      .map((line) => (lines.length > 1 ? `${line.name} ${line.says[index]}` : line.says[index]));
    reading.textContent = `${box.dataset.along} ${says[index]}: ${values.join(", ")}`;
  };

  const before = says.indexOf(reads.get(svg.id));
  if (before < 0) rest();
  else show(before);
  if (svg.id && svg.id === focused) queueMicrotask(() => svg.focus({ preventScroll: true }));

  svg.addEventListener("pointermove", (event) => {
    const place = svg.getBoundingClientRect();
    const across = ((event.clientX - place.left) / place.width) * svg.viewBox.baseVal.width;
    if (across >= left - 10 && across <= right + 10) show(nearest(at, across));
  });
  svg.addEventListener("pointerleave", () => {
    if (document.activeElement !== svg) rest();
  });
  svg.addEventListener("focus", () => {
    focused = svg.id;
    if (here === null) rest();
  });
  svg.addEventListener("blur", () => {
    // A part that renews itself takes the picture away, and the one in its place takes the focus up again.
    setTimeout(() => {
      if (!svg.isConnected) return;
      focused = "";
      rest();
    });
  });
  svg.addEventListener("keydown", (event) => {
    const last = at.length - 1;
    const far = Math.max(1, Math.round(last / 10));
    const to = {
      ArrowRight: here === null ? 0 : here + 1,
      ArrowLeft: here === null ? last : here - 1,
      PageUp: (here ?? 0) - far,
      PageDown: (here ?? 0) + far,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Escape") rest();
    if (to === undefined) return;
    event.preventDefault();
    show(Math.min(last, Math.max(0, to)));
  });
}

function draw(parent, name, attributes) {
  const element = parent.appendChild(document.createElementNS(SVG, name));
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
}

// The index of the place that is next to `across`; the places are in order.
function nearest(places, across) {
  let low = 0;
  let high = places.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle] <= across) low = middle;
    else high = middle;
  }
  return across - places[low] <= places[high] - across ? low : high;
}
