// Writes the golden vectors canonical.json, merkle.json and consistency.json with canonical_peer.mjs and merkle_peer.mjs.
//
// Run once, when a file is added on purpose: node tests/vectors/make_evidence_golden.mjs
// A file that is there already must come out as it is: a vector that no longer holds means that old records have other
// digests, and that old releases no longer verify, so none is ever written over.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { canonical } from "./canonical_peer.mjs";
import { growth, tree } from "./merkle_peer.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));

const DIGEST = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c";
const control = (from, to) => Array.from({ length: to - from }, (_, i) => String.fromCharCode(from + i)).join("");
const nested = (levels, open, inner, close) => open.repeat(levels) + inner + close.repeat(levels);

// [name, JSON text in some other spelling]. What a JSON.stringify writes is a spelling as good as any.
const CASES = [
  // empty things
  ["empty object", "{}"],
  ["empty array", "[]"],
  ["empty text", '""'],
  ["empty containers in containers", ' { "b" : [ ] , "a" : { } , "c" : [ { } , [ ] , "" ] } '],
  ["empty key", '{"a":1,"":2}'],
  // literals and whitespace
  ["true", "true"],
  ["false", " false "],
  ["null", "\n\tnull\r\n"],
  ["literals in an array", "[ true , false , null ]"],
  ["every kind of whitespace", ' \t\r\n[ \t\r\n1 \t\r\n, \t\r\n{ \t\r\n"a" \t\r\n: \t\r\n2 \t\r\n} \t\r\n] \t\r\n'],
  // integers
  ["zero", "0"],
  ["minus zero", "-0"],
  ["minus zero in an object", '{"zero":-0}'],
  ["one and minus one", "[1,-1]"],
  ["largest integer", "9007199254740991"],
  ["smallest integer", "-9007199254740991"],
  ["integers around the limits", "[9007199254740990,9007199254740991,-9007199254740990,-9007199254740991]"],
  ["powers of ten", "[1,10,100,1000,1000000,1000000000,1000000000000,1000000000000000]"],
  ["powers of two", `[${Array.from({ length: 53 }, (_, i) => 2 ** i).join(",")}]`],
  ["a time", '{"at":1795262499}'],
  ["a power as decimal text", '{"power":"411376139330301510538742295639337626245683966408394965837152255"}'],
  // escapes
  ["escapes with a short form", '"\\b\\t\\n\\f\\r\\"\\\\"'],
  ["short forms written long", '"\\u0008\\u0009\\u000a\\u000c\\u000d\\u0022\\u005c"'],
  ["control characters", JSON.stringify(control(0x01, 0x20))],
  ["control characters with upper-case hex", '"\\u001F\\u001E\\u000B\\u001A"'],
  ["a solidus needs no escape", '"\\/ and /"'],
  ["letters written as escapes", '"\\u0061\\u005A\\u0030\\u002d"'],
  ["delete and the C1 controls stay", JSON.stringify(control(0x7f, 0xa0))],
  ["escapes in keys", '{"\\n":1,"\\"":2,"\\\\":3,"\\u0001":4,"\\/":5,"\\t":6}'],
  ["text that looks like JSON", JSON.stringify('{"b":1,"a":[]}')],
  ["markup characters stay", '"<script>&amp;\\u003c\'\\u2028"'],
  // characters beyond ASCII
  ["French", JSON.stringify("L’eau est à nous — « Où ça ? » œuvre, çà, Noël")],
  ["French written as escapes", '"\\u00e9t\\u00E9"'],
  ["composed and decomposed are not the same", JSON.stringify(["\u00e9", "e\u0301"])],
  ["Japanese, Arabic, Hebrew", JSON.stringify(["水は共有財産です", "الماء", "מים"])],
  ["line and paragraph separators", '"\\u2028\\u2029"'],
  ["emoji", JSON.stringify("💧🌍👩🏽‍🔬")],
  ["emoji as surrogate escapes", '"\\ud83d\\udca7"'],
  ["the last character of the basic plane", '"\\uffff\\ufffe\\ufffd"'],
  ["the first and last beyond it", '"\\ud800\\udc00\\udbff\\udfff"'],
  ["a byte order mark inside text", '"\\ufeffa"'],
  // sorting of keys: by UTF-16 code units
  ["two keys", '{"b":1,"a":2}'],
  ["upper case before lower case", '{"a":1,"B":2,"A":3,"b":4,"_":5,"Z":6}'],
  ["a prefix comes first", '{"aaa":1,"aa":2,"a":3,"ab":4,"":5}'],
  ["digits sort as text", '{"10":1,"9":2,"1":3,"02":4,"2":5,"-1":6}'],
  ["keys that JavaScript orders in its own way", '{"b":1,"2":2,"a":3,"1":4,"4294967295":5,"4294967294":6}'],
  ["keys that objects have already", '{"valueOf":1,"constructor":2,"__proto__":3,"toString":4,"hasOwnProperty":5}'],
  ["accents after ASCII", '{"é":1,"e":2,"z":3,"e\\u0301":4,"É":5}'],
  ["punctuation and letters", '{"~":1,"!":2," ":3,"a":4,"A":5,"0":6,"[":7,"{":8}'],
  ["a surrogate pair before the last of the basic plane", '{"\\uffff":1,"\\ud83d\\ude00":2,"\\ue000":3,"\\ud7ff":4}'],
  ["pairs among themselves", '{"\\udbff\\udfff":1,"\\ud800\\udc00":2,"\\ud83d\\udca7":3,"\\ud83c\\udf0d":4}'],
  ["many scripts", '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7}'],
  ["equal but for the last unit", '{"key\\ud83d\\ude01":1,"key\\ud83d\\ude00":2,"key":3}'],
  // nesting
  ["objects sorted at every level", '{"z":{"y":{"b":1,"a":2},"x":[{"d":1,"c":2}]},"a":{"c":{},"b":[]}}'],
  ["arrays keep their order", '[3,1,2,["b","a"],[[],[[]]]]'],
  ["sixteen arrays", nested(16, "[", "", "]")],
  ["sixteen objects", nested(15, '{"b":0,"a":', "{}", "}")],
  ["mixed nesting", nested(7, '[{"b":1,"a":', '[{"b":"","a":null}]', "}]")],
  // records as they are hashed
  [
    "a ballot record",
    JSON.stringify({
      version: 1,
      subject: "ballot:7/0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
      parents: [DIGEST],
      kind: "ballot",
      body: {
        voter: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
        reason: "Oui — « l’eau »\n💧",
        power: "250000",
        nonce: 1,
        choice: 1,
      },
    }),
  ],
  [
    "a manifest",
    JSON.stringify({
      version: 1,
      files: [
        { size: 0, sha256: DIGEST, path: "README.md" },
        { path: "config.json", size: 9007199254740991, sha256: DIGEST },
      ],
    }),
  ],
  ["a measured value", '{"unit":"share","samples":64,"numerator":-7,"denominator":9007199254740991}'],
];

const cases = CASES.map(([name, json]) => {
  const answer = canonical({ json });
  if (answer.error) throw new Error(`${name}: ${answer.error}`);
  return { name, json, ...answer };
});
if (new Set(cases.map(({ name }) => name)).size !== cases.length) throw new Error("two cases have one name");
write("canonical.json", { made_by: "canonicalize 4.0.0 (npm), an implementation of RFC 8785", cases });

// Leaves of many lengths: none, one byte, the prefixes themselves, and lengths around the blocks of SHA-256 and a node.
const LENGTHS = [0, 1, 1, 1, 2, 5, 31, 32, 33, 55, 56, 63, 64, 65, 66, 100, 119, 120, 128, 200];
const LEAVES = LENGTHS.map((length, i) => {
  const first = { 1: 0x00, 2: 0x01 }[i] ?? 17 * i;
  return Buffer.from(Array.from({ length }, (_, j) => (first + 31 * j) % 256)).toString("hex");
});
const trees = Array.from({ length: LEAVES.length + 1 }, (_, size) => {
  return { size, ...tree({ leaves: LEAVES.slice(0, size) }) };
});
write("merkle.json", { made_by: "merkle_peer.mjs, from the recursive definitions of RFC 6962", leaves: LEAVES, trees });

// The proofs from every size to every later one up to 64, as numbers of nodes: most nodes stand in many proofs.
const SIZE_MAX = 64;
const GROWING = Array.from({ length: SIZE_MAX }, (_, i) => Buffer.from(`leaf ${i}`).toString("hex"));
const nodes = [];
const numberOf = (node) => (nodes.includes(node) ? nodes.indexOf(node) : nodes.push(node) - 1);
const grown = Array.from({ length: SIZE_MAX + 1 }, (_, size) => {
  const { root, proofs } = growth({ leaves: GROWING.slice(0, size) });
  return { size, root, proofs: proofs.map((proof) => proof.map(numberOf).join(" ")) };
});
const made_by = "merkle_peer.mjs, from the recursive definition of RFC 6962, section 2.1.2";
write("consistency.json", { made_by, leaves: GROWING, trees: grown, nodes });

// In ASCII, so that no editor, terminal or checkout changes a character that a vector is about.
function write(name, value) {
  const path = join(HERE, name);
  const text = JSON.stringify(value, null, 1).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  if (existsSync(path) && readFileSync(path, "utf8") !== `${text}\n`) throw new Error(`${name} would change`);
  writeFileSync(path, `${text}\n`);
  console.log(`${name} written`);
}
