// The verifier beside the page, so that the page stays alive while gigabytes are hashed.
//
// In:  {files: [{path, file}], trust} or {hub: {address, model, revision}, trust}
// Out: {total} once, {bytes} now and then, {chain} once, {finding} twelve times, and then {report} or {refused: {code, detail, fingerprint}}

import { FilesSource, HubSource } from "./browser-sources.js";
import { NoTrustRoot, Unreadable, check } from "./verify.js";

const TELL_EVERY_MS = 100;

self.addEventListener("message", async ({ data }) => {
  try {
    await run(data);
  } catch (error) {
    const isExpected = error instanceof NoTrustRoot || error instanceof Unreadable;
    const code = isExpected ? (error.code ?? "unreadable") : "failed";
    self.postMessage({ refused: { code, detail: error.message, fingerprint: error.fingerprint ?? null } });
  }
});

async function run({ files, hub, trust }) {
  const source = files ? new FilesSource(files) : new HubSource(hub);
  let bytes = 0;
  let told = 0;
  const report = await check(listing(source), trust, {
    finding: (finding) => self.postMessage({ finding, bytes }),
    chain: (chain) => self.postMessage({ chain }),
    progress(read) {
      bytes += read;
      if (performance.now() - told < TELL_EVERY_MS) return;
      told = performance.now();
      self.postMessage({ bytes });
    },
  });
  self.postMessage({ report, bytes });
}

// The source, which also tells how many bytes there are when it is asked for the list.
function listing(source) {
  return {
    async list(most) {
      const entries = await source.list(most);
      self.postMessage({ total: entries.reduce((sum, { size }) => sum + (size ?? 0), 0) });
      return entries;
    },
    open: (path) => source.open(path),
  };
}
