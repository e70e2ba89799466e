// Releases that a browser can read: files that somebody chose, and a hub (the paths of huggingface.co).

import { Unreadable } from "./bundle.js";

const MODEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const NEXT_PAGE = /<([^>]+)>;\s*rel="next"/;
const OPENED = ["provenance", ".cache"];

// Chosen or dropped files: [{path, file}]. Browsers show neither links nor empty folders, so those cannot be reported.
export class FilesSource {
  constructor(files) {
    this.files = new Map(files.map(({ path, file }) => [path, file]));
  }

  list(most) {
    if (!this.files.size) throw new Unreadable("there are no files");
    if (this.files.size > most) throw new Unreadable(`more than ${most} files`);
    return withFolders([...this.files].map(([path, file]) => ({ path, kind: "file", size: file.size })));
  }

  async *open(path) {
    const file = this.files.get(path);
    if (!file) throw new Error("it is not there");
    yield* parts(file.stream());
  }
}

// One revision of a model on a hub, such as https://huggingface.co or <a site>/hub.
export class HubSource {
  constructor({ address, model, revision }) {
    if (!/^https?:\/\//.test(address)) throw new Unreadable(`${JSON.stringify(address)} is no address of a hub`);
    if (!MODEL.test(model)) throw new Unreadable(`${JSON.stringify(model)} is not <namespace>/<name>`);
    if (!REVISION.test(revision)) throw new Unreadable(`${JSON.stringify(revision)} is no revision`);
    Object.assign(this, { address: address.replace(/\/+$/, ""), model, revision });
  }

  async list(most) {
    const found = [];
    let page = `${this.address}/api/models/${this.model}/tree/${this.revision}?recursive=true`;
    while (page) {
      const response = await get(page);
      const entries = await response.json().catch(() => null);
      if (!Array.isArray(entries) || !entries.every(isEntry)) throw new Unreadable("the hub's list of files cannot be read");
      found.push(...entries.map(({ path, type, size }) => ({ path, kind: type === "directory" ? "folder" : "file", size: size ?? null })));
      if (found.length > most) throw new Unreadable(`more than ${most} files`);
      const next = response.headers.get("Link")?.match(NEXT_PAGE)?.[1];
      page = next ? new URL(next, page).href : null;
    }
    return withFolders(found.filter(({ kind }) => kind === "file"));
  }

  async *open(path) {
    const spelled = path.split("/").map(encodeURIComponent).join("/");
    const response = await get(`${this.address}/${this.model}/resolve/${this.revision}/${spelled}`);
    yield* parts(response.body);
  }
}

const isEntry = (entry) =>
  typeof entry === "object" && entry !== null && typeof entry.path === "string" && (entry.size == null || Number.isSafeInteger(entry.size));

async function get(address) {
  let response;
  try {
    response = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer" });
  } catch {
    throw new Unreadable(`${address} does not answer, or does not allow this page to read it`);
  }
  if (!response.ok) throw new Unreadable(`${address} answers ${response.status}`);
  return response;
}

// A folder at the top stands for all that lies in it, except in those that a release may have.
function withFolders(files) {
  const shown = new Map();
  for (const file of files) {
    const [top, ...below] = file.path.split("/");
    if (!below.length || OPENED.includes(top)) shown.set(file.path, file);
    else shown.set(top, { path: top, kind: "folder", size: null });
  }
  return [...shown.values()].sort((left, right) => (left.path < right.path ? -1 : 1));
}

// Not every browser can iterate over a stream.
async function* parts(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
