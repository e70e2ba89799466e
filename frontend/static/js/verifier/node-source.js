// A release in a folder of this machine, for Node.

import { constants } from "node:fs";
import { lstat, open, opendir, stat } from "node:fs/promises";
import { join } from "node:path";

import { Unreadable } from "./bundle.js";

const CHUNK_BYTES = 1 << 20;

export class FolderSource {
  constructor(folder) {
    this.folder = folder;
  }

  // Everything that lies there; below its top only the folders that a release may have are opened.
  async list(most) {
    const found = [];
    const waiting = [""];
    while (waiting.length) {
      const below = waiting.pop();
      for await (const entry of await this.#opened(below)) {
        const path = below ? `${below}/${entry.name}` : entry.name;
        found.push(await this.#described(path));
        if (found.length > most) throw new Unreadable(`more than ${most} files`);
        if (await this.#isOpened(path, found.at(-1).kind)) waiting.push(path);
      }
    }
    return found.sort((left, right) => (left.path < right.path ? -1 : 1));
  }

  // A link is never followed, and a pipe never waited for.
  async *open(path) {
    const handle = await open(join(this.folder, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw new Error("only regular files are read");
      for (;;) {
        const { bytesRead, buffer } = await handle.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES);
        if (!bytesRead) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  // A link in the place of provenance/ is reported by its kind; what lies behind it is looked at all the same.
  async #isOpened(path, kind) {
    const [top] = path.split("/");
    if (path === "provenance" && kind === "link") return (await stat(join(this.folder, path)).catch(() => null))?.isDirectory() ?? false;
    return kind === "folder" && (top === "provenance" || top === ".cache");
  }

  async #opened(below) {
    try {
      return await opendir(join(this.folder, below));
    } catch (error) {
      throw new Unreadable(error.message);
    }
  }

  async #described(path) {
    const status = await lstat(join(this.folder, path));
    const kind = status.isSymbolicLink() ? "link" : status.isDirectory() ? "folder" : status.isFile() ? "file" : "other";
    return { path, kind, size: kind === "file" ? status.size : null };
  }
}
