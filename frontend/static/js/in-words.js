// What a ballot says, in words, as an element: one line as it stands; several as a list, numbered where the order is signed.

export function inWords(lines, ordered) {
  if (lines.length === 1 && !ordered) {
    const strong = document.createElement("b");
    strong.textContent = lines[0];
    return strong;
  }
  const list = document.createElement(ordered ? "ol" : "ul");
  list.append(
    ...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }),
  );
  return list;
}
