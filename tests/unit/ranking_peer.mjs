// Reads {name, arguments} per line and answers with what the page's own ranking-order.js returns: for test_ranking_order.py.
import { createInterface } from "node:readline";

import * as order from "../../frontend/static/js/ranking-order.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { name, args } = JSON.parse(line);
  console.log(JSON.stringify(order[name](...args)));
}
