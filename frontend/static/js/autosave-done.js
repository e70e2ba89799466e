// The draft has arrived at the server: what the form had kept in this browser is no longer needed.
const { autosaveDone } = document.querySelector("[data-autosave-done]").dataset;

for (const name of autosaveDone.split(" ")) {
  try {
    if (localStorage.getItem(`draft:${name}:posted`)) {
      localStorage.removeItem(`draft:${name}`);
      localStorage.removeItem(`draft:${name}:posted`);
    }
  } catch {
    // without storage nothing was kept
  }
}
