#!/usr/bin/env node
// Command line: `node cli.mjs PATH [--json] [--community-key HEX] [--community DIGEST] [--consistency-only]`, with Node 20.
//
// Exit status: 0 when every offline check holds, 1 when one does not, 2 when there is nothing to check, it cannot be read, or
// nothing was given to trust.

import { parseArgs } from "node:util";

import { FolderSource } from "./node-source.js";
import { NoTrustRoot, Unreadable, check } from "./verify.js";

const [VERIFIED, FAILED, UNREADABLE] = [0, 1, 2];
const MARKS = { passed: "passed     ", failed: "FAILED     ", not_checked: "not checked" };
const USAGE = "usage: node cli.mjs PATH [--json] [--community-key HEX] [--community DIGEST] [--consistency-only]";

// Text from a stranger, so that it cannot steer the terminal.
const printable = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);

function print(report, isConsistencyOnly) {
  for (const { number, status, title, evidence, problems, hint } of report.findings) {
    console.log(`${String(number).padStart(2)}  ${MARKS[status]}  ${title}: ${printable(evidence)}`);
    for (const { code, place, detail } of problems.slice(0, 3)) console.log(`      ${code} in ${printable(place)}: ${printable(detail)}`);
    if (hint) console.log(`      -> ${hint}`);
  }
  const named = printable(report.model ? `${report.model} version ${report.version}` : "this folder");
  const verified = isConsistencyOnly ? "Consistent; nobody's key was given to compare" : "Verified";
  console.log(`\n${report.consistent ? verified : "NOT verified"}: ${named}`);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean" },
      "community-key": { type: "string" },
      community: { type: "string" },
      "consistency-only": { type: "boolean" },
    },
  });
  if (positionals.length !== 1) throw new Unreadable(USAGE);
  const isConsistencyOnly = Boolean(values["consistency-only"]);
  const trust = { key: values["community-key"], community: values.community, isConsistencyOnly };
  const report = await check(new FolderSource(positionals[0]), trust);
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else print(report, isConsistencyOnly);
  return report.consistent ? VERIFIED : FAILED;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isExpected = error instanceof Unreadable || error instanceof NoTrustRoot || error.code?.startsWith("ERR_PARSE_ARGS");
  if (!isExpected) throw error;
  console.error(error instanceof NoTrustRoot ? `${error.code}: ${printable(error.message)}` : `cannot be read: ${printable(error.message)}`);
  process.exitCode = UNREADABLE;
}
