// Compiles every contract of this folder into contracts/build/<Name>.json: {abi, bytecode, inputs_sha256}.
//
// The same sources give the same bytes anywhere: compiler and library are pinned in package-lock.json, the settings stand
// below, and no path, time or metadata hash enters the bytecode. When nothing changed it returns without loading the
// compiler (which takes a second or two). Usage: node contracts/compile.mjs
//
// `node contracts/compile.mjs test` compiles the contracts of test/ instead, into the same folder: tests compare with
// them, and nobody else has to wait for them.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, process.argv[2] ?? "");
const BUILD = join(HERE, "build");
const require = createRequire(import.meta.url);

const SETTINGS = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: "cancun",
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};

const names = readdirSync(SOURCES).filter((name) => name.endsWith(".sol")).sort();
const sources = Object.fromEntries(names.map((name) => [name, { content: readFileSync(join(SOURCES, name), "utf8") }]));
const fingerprint = fingerprintOf(sources);

if (names.every((name) => builtFrom(name) === fingerprint)) {
  console.log("contracts: unchanged");
} else {
  compile();
}

function compile() {
  const input = { language: "Solidity", sources, settings: SETTINGS };
  const output = JSON.parse(require("solc").compile(JSON.stringify(input), { import: readImport }));
  // A warning in our own files stops the build as an error does: they are small enough to have none. Warnings about the
  // pinned library are not ours to fix and are left out.
  const problems = (output.errors ?? []).filter(
    (problem) => problem.severity === "error" || names.includes(problem.sourceLocation?.file),
  );
  for (const problem of problems) console.error(problem.formattedMessage);
  if (problems.length > 0) process.exit(1);
  mkdirSync(BUILD, { recursive: true });
  for (const name of names) {
    const contractName = basename(name, ".sol");
    const contract = output.contracts[name][contractName];
    const built = { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}`, inputs_sha256: fingerprint };
    // Written aside and renamed, so that an interrupted build never leaves half a file that looks finished.
    const target = builtPath(name);
    writeFileSync(`${target}.partial`, `${JSON.stringify(built, null, 1)}\n`);
    renameSync(`${target}.partial`, target);
    console.log(`contracts: ${contractName} compiled, ${(built.bytecode.length - 2) / 2} bytes`);
  }
}

function readImport(path) {
  // Only the pinned library may be imported; anything else is a mistake in a source file.
  if (!path.startsWith("@openzeppelin/contracts/")) return { error: `import not allowed: ${path}` };
  return { contents: readFileSync(require.resolve(path), "utf8") };
}

function fingerprintOf(ownSources) {
  const versions = ["solc", "@openzeppelin/contracts"].map((name) => [name, packageVersion(name)]);
  return createHash("sha256").update(JSON.stringify([ownSources, SETTINGS, versions])).digest("hex");
}

function packageVersion(name) {
  return JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")).version;
}

function builtPath(name) {
  return join(BUILD, `${basename(name, ".sol")}.json`);
}

function builtFrom(name) {
  try {
    return JSON.parse(readFileSync(builtPath(name), "utf8")).inputs_sha256;
  } catch (error) {
    if (error.code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
