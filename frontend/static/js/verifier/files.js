// Check 8: the folder holds exactly the files that the manifest lists, and they are what the run made.
//
// Also here: the provenance files themselves, read in full up to a limit.

import { concat, hex } from "./bytes.js";
import { same } from "./canonical.js";
import { isDocument, isWeights, nameIsAllowed } from "./manifest.js";
import { parentOf } from "./records.js";
import { Sha256 } from "./sha256.js";

const CLIENT_NOTE =
  /^\.cache\/huggingface\/(?:\.gitignore(?:\.lock)?|CACHEDIR\.TAG|download\/(?:.+\/)?[^/]+\.(?:metadata|lock)|trees\/[0-9a-f]{40}\.json)$/s;
const CLIENT_NOTE_BYTES_MAX = 65_536;

// All bytes of a file; null if it has more than `bytesMax`.
export async function readWhole(source, path, bytesMax) {
  const parts = [];
  let length = 0;
  for await (const part of source.open(path)) {
    length += part.length;
    if (length > bytesMax) return null;
    parts.push(part);
  }
  return concat(...parts);
}

// {sha256, size} of a file, read as a stream; stops behind `sizeExpected` bytes.
async function describe(source, path, sizeExpected, progress) {
  const hash = new Sha256();
  let size = 0;
  for await (const part of source.open(path)) {
    hash.update(part);
    size += part.length;
    progress(part.length);
    if (size > sizeExpected) break;
  }
  return { sha256: hex(hash.digest()), size };
}

export async function checkFiles(bundle, answer, progress) {
  const { manifest, release, records } = bundle;
  for (const problem of bundle.folderProblems) answer.problem(...problem);
  const run = release && parentOf(release, "run", records);
  if (!run) {
    answer.blocked = "there is no readable release and run to compare with";
    return;
  }
  if (!manifest) return answer.problem(...bundle.manifestProblem);
  const listed = new Map(manifest.files.map((entry) => [entry.path, entry]));
  const lying = new Set(outside(bundle.entries, answer));
  for (const path of listed.keys()) if (!lying.has(path)) answer.problem("file_missing", path, "the manifest lists it, the folder does not hold it");
  let bytes = 0;
  for (const path of lying) {
    const entry = listed.get(path);
    if (!entry) {
      answer.problem("file_not_listed", path, "the folder holds it, the manifest does not list it");
      continue;
    }
    const found = await hashed(bundle, entry, progress);
    if (found.wrong) answer.problem(found.code, path, found.wrong);
    bytes += entry.size;
  }
  compareWithRelease(bundle, run, listed, answer);
  answer.evidence = `${listed.size} files, ${bytes} bytes, as listed; ${run.body.artifact.length} of them are what the run made`;
}

async function hashed({ source, sizes }, entry, progress) {
  const size = sizes.get(entry.path);
  if (size !== null && size !== entry.size) return { code: "file_changed", wrong: `${size} bytes found, ${entry.size} expected` };
  try {
    const found = await describe(source, entry.path, entry.size, progress);
    if (found.size === entry.size && found.sha256 === entry.sha256) return {};
    return { code: "file_changed", wrong: `SHA-256 found ${found.sha256}, the manifest says ${entry.sha256}` };
  } catch (error) {
    return { code: "file_unreadable", wrong: `it cannot be read: ${error.message}` };
  }
}

// The names of released files that lie in the folder; everything else there is a problem, but for the notes of a client.
function outside(entries, answer) {
  const names = [];
  for (const { path, kind, size } of entries) {
    const [top, ...below] = path.split("/");
    if (top === "provenance" && (below.length || kind === "folder")) continue;
    if (top === ".cache" && kind !== "link" && (below.length || kind === "folder")) {
      const isNote = kind === "folder" || (kind === "file" && CLIENT_NOTE.test(path) && (size ?? 0) <= CLIENT_NOTE_BYTES_MAX);
      if (!isNote) answer.problem("file_not_listed", path, "not a note of the download client");
    } else if (kind === "link") answer.problem("link_not_allowed", path, "a release holds no links");
    else if (kind === "folder") answer.problem("folder_not_allowed", path, "a release holds no folder but provenance");
    else if (kind !== "file") answer.problem("not_a_regular_file", path, "only regular files are released");
    else if (below.length) continue; // below a folder that was reported itself
    else if (!nameIsAllowed(path)) answer.problem("name_not_allowed", path, "not a name that a release may hold");
    else names.push(path);
  }
  return names.sort();
}

function compareWithRelease({ manifestSha256, release }, run, listed, answer) {
  if (manifestSha256 !== release.body.manifest_sha256) {
    answer.problem("manifest_changed", "provenance/manifest.json", `SHA-256 found ${manifestSha256}, the release says ${release.body.manifest_sha256}`);
  }
  const card = listed.get("README.md")?.sha256;
  if (card !== release.body.card_sha256) {
    answer.problem("card_changed", "README.md", `SHA-256 found ${card ?? "nothing"}, the release says ${release.body.card_sha256}`);
  }
  // Documents are written by people; where the run made one nevertheless, it is that one.
  const made = new Map(run.body.artifact.map((entry) => [entry.path, entry]));
  for (const path of new Set([...listed.keys(), ...made.keys()])) {
    if (isDocument(path) && !made.has(path)) continue;
    const isSame = listed.has(path) && made.has(path) && same(listed.get(path), made.get(path));
    if (!isSame) answer.problem("artifact_swapped", path, "it is not the file that the run made");
  }
  if (![...made.keys()].some(isWeights)) answer.problem("artifact_swapped", run.place, "the run made no weights");
}
