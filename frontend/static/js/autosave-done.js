// The draft has arrived at the server: what the form had kept in this browser is no longer needed.

export function start(place) {
  for (const name of place.dataset.autosaveDone.split(" ")) {
    try {
      if (localStorage.getItem(`draft:${name}:posted`)) {
        localStorage.removeItem(`draft:${name}`);
        localStorage.removeItem(`draft:${name}:posted`);
      }
    } catch {
      // without storage nothing was kept
    }
  }
}
