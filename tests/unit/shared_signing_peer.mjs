// Reads {name, arguments} per line and answers with what the scripts of the page itself return: for test_shared_signing.py.
import { createInterface } from "node:readline";

import * as collected from "../../frontend/static/js/shared-collected.js";
import * as message from "../../frontend/static/js/shared-message.js";

const own = {
  ...collected,
  ...message,
  joined: (pairs, threshold) => message.joined(new Map(pairs), threshold),
  pin: (kind, asked, value) => [collected.KINDS[kind].pin(asked, value), asked],
  offer: (kind, ...rest) => collected.KINDS[kind].offer("town", ...rest),
  handIn: (kind, ...rest) => collected.KINDS[kind].handIn("town", ...rest),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { name, args } = JSON.parse(line);
  console.log(JSON.stringify(own[name](...args)));
}
