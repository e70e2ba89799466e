// A long file line by line, in constant memory, and grouped by the proposal that each line belongs to.

import { concat } from "./bytes.js";

const LINE_FEED = 10;
const LINE_BYTES_MAX = 1_000_100;

export class LineError extends Error {}

// Yields the lines without their line feed; throws LineError for one that is too long or has no end.
export async function* lines(stream, bytesMax) {
  let rest = new Uint8Array();
  let total = 0;
  for await (const part of stream) {
    total += part.length;
    if (total > bytesMax) throw new LineError(`more than ${bytesMax} bytes`);
    const data = rest.length ? concat(rest, part) : part;
    const found = [];
    let start = 0;
    for (let end = data.indexOf(LINE_FEED); end >= 0; end = data.indexOf(LINE_FEED, start)) {
      if (end - start >= LINE_BYTES_MAX) throw new LineError(`a line has at most ${LINE_BYTES_MAX} bytes`);
      found.push(data.subarray(start, end));
      start = end + 1;
    }
    rest = data.subarray(start);
    yield* found;
    if (rest.length >= LINE_BYTES_MAX) throw new LineError(`a line has at most ${LINE_BYTES_MAX} bytes`);
  }
  if (rest.length) throw new LineError("a line ends with a line feed");
}
