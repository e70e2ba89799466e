// Shamir's secret sharing by shamir-secret-sharing, an audited library over the same field, as a peer to compare with.
//
// Reads one JSON question a line from standard input and writes one JSON answer a line:
//   {"op": "split", "secret": hex, "shares": n, "threshold": t}   -> {"shares": {place: hex}}, places drawn by the library
//   {"op": "combine", "shares": {place: hex}}                     -> {"secret": hex}
// The library writes a share's place behind its bytes.

import { createInterface } from "node:readline";
import { combine, split } from "shamir-secret-sharing";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const ops = {
  async split({ secret, shares, threshold }) {
    const made = await split(Uint8Array.from(Buffer.from(secret, "hex")), shares, threshold);
    return { shares: Object.fromEntries(made.map((share) => [share.at(-1), hex(share.slice(0, -1))])) };
  },
  async combine({ shares }) {
    const given = Object.entries(shares).map(([place, share]) => Uint8Array.from([...Buffer.from(share, "hex"), Number(place)]));
    return { secret: hex(await combine(given)) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(await ops[question.op](question)));
}
