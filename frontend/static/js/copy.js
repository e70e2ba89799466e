// Buttons that copy the commands of a block, one after each. They appear only where there is a clipboard to copy to.
export function start(block) {
  if (!navigator.clipboard) return;
  const { copy, copied } = block.dataset;
  for (const source of block.querySelectorAll("pre")) source.after(row(source, copy, copied));
}

function row(source, copy, copied) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button--small";
  button.textContent = copy;
  const said = document.createElement("span");
  said.className = "small soft";
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    said.textContent = copied;
    setTimeout(() => (said.textContent = ""), 4000);
  });
  const made = document.createElement("p");
  made.className = "copy__row";
  made.append(button, " ", said);
  return made;
}
