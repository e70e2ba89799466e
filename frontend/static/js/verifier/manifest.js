// The names of files that a release may hold, and the form of a list of them. Looks at no file.

const DOCUMENTS = ["README.md", "LICENSE", "LICENSE.md", "NOTICE"];
const NAMES = new Set([
  ...DOCUMENTS,
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "model.safetensors.index.json",
  "adapter_config.json",
  "adapter_model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
]);
const SHARD = /^model-[0-9]{5}-of-[0-9]{5}\.safetensors$/;
const DIGEST = /^[0-9a-f]{64}$/;
const FILES_MAX = 1_000;

export const isDocument = (name) => DOCUMENTS.includes(name);
export const nameIsAllowed = (name) => NAMES.has(name) || SHARD.test(name);
export const isWeights = (name) => name.endsWith(".safetensors");

// What is wrong with a list of {path, sha256, size}; null for nothing.
export function entriesProblem(files) {
  if (!Array.isArray(files)) return "files is not a list";
  if (files.length > FILES_MAX) return `${files.length} files, at most ${FILES_MAX} are allowed`;
  for (const [at, entry] of files.entries()) {
    const isEntry = typeof entry === "object" && entry !== null && Object.keys(entry).sort().join() === "path,sha256,size";
    if (!isEntry) return `files[${at}] has other keys than path, sha256 and size`;
    if (typeof entry.path !== "string" || !nameIsAllowed(entry.path)) return `files[${at}] is not a name that a release may hold`;
    if (!Number.isSafeInteger(entry.size) || entry.size < 0) return `files[${at}] has a size of the wrong form`;
    if (typeof entry.sha256 !== "string" || !DIGEST.test(entry.sha256)) return `files[${at}] has a digest of the wrong form`;
    if (at > 0 && entry.path <= files[at - 1].path) return `files[${at}] is not in order, or stands twice`;
  }
  return null;
}

// What is wrong with a manifest; null for nothing.
export function manifestProblem(manifest) {
  const isManifest = typeof manifest === "object" && manifest !== null && Object.keys(manifest).sort().join() === "files,version";
  if (!isManifest) return "a manifest has exactly the keys files and version";
  if (manifest.version !== 1) return `version ${JSON.stringify(manifest.version)}, expected 1`;
  const wrong = entriesProblem(manifest.files);
  if (wrong !== null) return wrong;
  return manifest.files.length ? null : "it lists no file";
}
