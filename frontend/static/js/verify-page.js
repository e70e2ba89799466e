// "Check a release in this browser": hands files or a hub to the worker and fills in the twelve lines as they come back.

const place = document.querySelector("[data-verifier]");
const status = place.querySelector("[data-verifier-status]");
const findings = place.querySelector("[data-verifier-findings]");
const progress = place.querySelector("[data-verifier-progress]");
const result = place.querySelector("[data-verifier-result]");
const controls = [...place.querySelectorAll("button, input")];
const FILES_MAX = 100_000;
const HEX64 = /^[0-9a-fA-F]{64}$/;

// Started with the page, so that everything is here when the network is gone.
const worker = new Worker(new URL("./verifier/worker.js", import.meta.url), { type: "module" });
let total = 0;

function say(key, values = {}, isError = false) {
  status.textContent = (place.dataset[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  status.classList.toggle("status--error", isError);
}

// Bytes as people read them, in their language.
function size(bytes) {
  const [unit, divisor] = bytes < 1e6 ? ["kilobyte", 1e3] : bytes < 1e9 ? ["megabyte", 1e6] : ["gigabyte", 1e9];
  const format = { style: "unit", unit, maximumFractionDigits: 1 };
  return (bytes / divisor).toLocaleString(document.documentElement.lang, format);
}

function begin() {
  total = 0;
  say("reading");
  result.hidden = true;
  result.querySelector("[data-verifier-chain]").hidden = true;
  findings.hidden = false;
  progress.hidden = false;
  for (const line of findings.children) {
    line.querySelector("[data-finding-status]").replaceChildren();
    line.querySelector("[data-finding-evidence]").textContent = "";
    line.querySelector("[data-finding-problems]").replaceChildren();
  }
  for (const control of controls) control.disabled = true;
  status.scrollIntoView({ block: "nearest" });
}

function end() {
  progress.hidden = true;
  for (const control of controls) control.disabled = false;
}

// What the reader trusts, or null with a sentence that says what is missing.
function trustOf(form) {
  const { key, community, consistency } = form.elements;
  const trust = { key: key.value.trim(), community: community.value.trim(), isConsistencyOnly: consistency.checked };
  const wrong = [key, community].find((field) => field.value.trim() && !HEX64.test(field.value.trim()));
  const isGiven = Boolean(trust.key || trust.community);
  if (wrong) say("notHex", {}, true);
  else if (isGiven === trust.isConsistencyOnly) say(isGiven ? "notBoth" : "noTrust", {}, true);
  else return trust;
  (wrong ?? key).focus();
  return null;
}

function start(question) {
  begin();
  worker.postMessage(question);
}

function show({ number, status: found, evidence, problems, hint }) {
  const line = findings.children[number - 1];
  const label = place.querySelector(`template[data-for="${found}"]`).content.cloneNode(true);
  line.querySelector("[data-finding-status]").replaceChildren(label);
  line.querySelector("[data-finding-evidence]").textContent = problems.length ? "" : evidence; // of a failure it is the first problem
  const items = problems.slice(0, 3).map(({ code, place: where, detail }) => {
    const item = document.createElement("li");
    const name = document.createElement("code");
    name.textContent = code;
    item.append(name, ` ${where}: ${detail}`);
    return item;
  });
  if (hint) {
    const item = document.createElement("li");
    const strong = document.createElement("b");
    strong.textContent = hint;
    item.append(strong);
    items.push(item);
  }
  line.querySelector("[data-finding-problems]").replaceChildren(...items);
}

function showProgress(bytes) {
  const bar = progress.querySelector("progress");
  bar.max = Math.max(total, bytes, 1);
  bar.value = bytes;
  progress.querySelector("span").textContent = place.dataset.progress.replace("{done}", size(bytes)).replace("{all}", size(total));
}

// What only a chain can tell: names to ask for, beside what they are of.
function showChain({ release, ballots, governors }) {
  const box = result.querySelector("[data-verifier-chain]");
  const facts = [
    [box.dataset.release, [release]],
    ...ballots.map(({ number, root }) => [box.dataset.ballots.replace("{number}", number), [root]]),
    ...governors.map(({ number, governor, proposal }) => [box.dataset.governor.replace("{number}", number), [governor, proposal]]),
  ];
  const rows = facts.map(([name, values]) => {
    const [row, term, said] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    said.append(...values.flatMap((value, at) => [...(at ? [document.createElement("br")] : []), codeOf(value)]));
    row.append(term, said);
    return row;
  });
  box.querySelector("[data-chain-facts]").replaceChildren(...rows);
  box.hidden = false;
}

function codeOf(value) {
  const code = document.createElement("code");
  code.className = "digest";
  code.textContent = value;
  return code;
}

function conclude(report) {
  const named = { model: report.model ?? "?", version: report.version ?? "?" };
  if (report.verified) say("verified", named);
  else if (report.consistent) say("consistent", named);
  else say("notVerified", named, true);
  const compared = [report.trust.release_key, report.trust.community].filter(Boolean).join(" · ");
  const when = new Date().toLocaleString(document.documentElement.lang);
  const values = { release: report.release, key: report.release_key_fingerprint, compared, when };
  for (const [name, value] of Object.entries(values)) result.querySelector(`[data-result="${name}"]`).textContent = value || "–";
  result.hidden = false;
}

worker.addEventListener("message", ({ data }) => {
  total = data.total ?? total;
  if (data.bytes !== undefined) showProgress(data.bytes);
  if (data.finding) show(data.finding);
  if (data.chain) showChain(data.chain);
  if (data.report) conclude(data.report);
  if (data.refused) {
    const { code, detail, fingerprint } = data.refused;
    say(code === "no_trust_root" ? "noTrust" : "unreadable", { detail, fingerprint }, true);
  }
  if (data.report || data.refused) end();
});
worker.addEventListener("error", () => {
  say("unreadable", { detail: "worker" }, true);
  end();
});

place.querySelector("[data-verifier-print]").addEventListener("click", () => window.print());

// On the page of a release: the release is known, and whom this site names as its community.
place.querySelector("[data-verifier-start]")?.addEventListener("click", () => {
  const { hub, model, revision, key, community } = place.dataset;
  start({ hub: { address: new URL(hub, window.location.href).href, model, revision }, trust: { key, community } });
});

// On the page of its own: a folder, chosen or dropped, or a hub.
const folderForm = place.querySelector("[data-verifier-folder]");
if (folderForm) setUpForms();

function setUpForms() {
  const trustForm = place.querySelector("[data-verifier-trust]");
  const hubForm = place.querySelector("[data-verifier-hub]");
  const chosen = folderForm.elements.folder;
  const check = (files) => {
    const trust = trustOf(trustForm);
    if (trust) start({ files, trust });
  };
  chosen.addEventListener("change", () => {
    // The first part of a path is the chosen folder itself.
    check([...chosen.files].map((file) => ({ path: file.webkitRelativePath.split("/").slice(1).join("/"), file })));
    chosen.value = "";
  });
  hubForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const { address, model, revision } = hubForm.elements;
    const hub = { address: new URL(address.value.trim(), window.location.href).href, model: model.value.trim(), revision: revision.value.trim() };
    const trust = trustOf(trustForm);
    if (trust) start({ hub, trust });
  });
  for (const form of [trustForm, folderForm]) form.addEventListener("submit", (event) => event.preventDefault());
  setUpDropping(check);
}

function setUpDropping(check) {
  const zone = place.querySelector("[data-verifier-drop]");
  const hover = (isOver) => zone.classList.toggle("is-over", isOver);
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    hover(true);
  });
  zone.addEventListener("dragleave", () => hover(false));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    hover(false);
    const roots = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const [root] = roots;
    const files = [];
    try {
      if (roots.length === 1 && root.isDirectory) await collect(root, "", files);
      else for (const each of roots) await collect(each, each.name, files);
    } catch (error) {
      say("unreadable", { detail: error.message }, true);
      return;
    }
    check(files);
  });
}

async function collect(entry, path, files) {
  if (files.length > FILES_MAX) throw new Error(`more than ${FILES_MAX} files`);
  if (entry.isFile) {
    files.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const each of entries) await collect(each, path ? `${path}/${each.name}` : each.name, files);
  }
}

say("ready");
for (const hidden of place.querySelectorAll("[data-needs-script]")) hidden.hidden = false;
