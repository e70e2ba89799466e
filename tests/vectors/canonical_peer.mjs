// An independent implementation of RFC 8785 (npm canonicalize), as a peer to compare with.
//
// Reads one JSON question a line from standard input, {"json": "<JSON text>"}, and writes one JSON answer a line,
// {"canonical": "<text>", "sha256": "<hex>"} or {"error": "<why>"}. The text is parsed here, so the parser is independent
// too. Shares no code with ours.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import canonicalize from "canonicalize";

export function canonical({ json }) {
  try {
    const text = canonicalize(JSON.parse(json));
    return { canonical: text, sha256: createHash("sha256").update(text, "utf8").digest("hex") };
  } catch (error) {
    return { error: String(error?.message ?? error).slice(0, 300) };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(canonical(JSON.parse(line))));
  }
}
