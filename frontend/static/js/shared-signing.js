// Collecting the signatures of a shared wallet's owners for what is no ballot. What was signed so far comes in the link
// and goes on in the next one; what the message is and says, and who owns the wallet, comes from this site each time.
import { Problem, explain, get, post, word } from "./api.js";
import { KINDS, collectedIn, collectedLink, isCollected } from "./shared-collected.js";
import { connect, request } from "./wallet.js";

const camel = (code) => code.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const NOT_FOUND = 404;
const GONE = new Set(["unknown_draft", "unknown_run", "no_review", "unknown_duty"]);

export function start(root) {
  const at = (name) => root.querySelector(`[data-signing-${name}]`);
  const words = at("words").dataset;
  const { community, viewer } = root.dataset;
  const form = at("form");
  const status = at("status");
  let hashing; // the script that hashes and recovers
  let opened = null; // what the page has checked, and shows
  let turn = 0; // of two links that were opened one after the other, only the later one is shown

  const show = (text, { error = false } = {}) => {
    status.textContent = text;
    status.classList.toggle("status--error", error);
  };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const said = (error) => (GONE.has(error.code) ? words.gone : (words[camel(error.code ?? "")] ?? explain(error)));

  // One step at a time, with the button out of reach meanwhile.
  async function during(button, work) {
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      show(said(error), { error: true });
    }
    button.disabled = false;
  }

  // --- what is to be signed ---

  async function offered(kind, wallet, fields) {
    const { url, body } = KINDS[kind].offer(community, wallet, fields);
    const { typed_data: typedData } = await (body ? post(url, body) : get(url));
    return typedData;
  }

  // The words for a message, and the owners of the wallet, as this site says them; a refusal comes as words, too.
  async function meaning(kind, wallet, fields) {
    let answer;
    try {
      const asked = new URLSearchParams({ kind, wallet, ...fields });
      const headers = { "HX-Request": "true" };
      answer = await fetch(`${root.dataset.meaning}?${asked}`, { credentials: "same-origin", headers });
    } catch {
      throw new Problem("network");
    }
    if (answer.status === NOT_FOUND) throw new Problem("gone");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector("[data-meaning]");
    if (!found) throw new Problem("refused", page.querySelector(".callout p")?.textContent ?? `HTTP ${answer.status}`);
    return found;
  }

  // 1. the message, as this site makes it of the fields; 2. that it is the one the link was made for; 3. its words, and
  // the owners; 4. whose the signatures are.
  async function opening({ kind, wallet, fields, digest, signatures }) {
    hashing ??= await import(root.dataset.hashing);
    const inner = await offered(kind, wallet, fields); // 1
    const { pinned, pin } = KINDS[kind];
    if (pinned && fields[pinned] === undefined) fields[pinned] = Number(inner.message[pinned]);
    const late = pin(inner.message, fields[pinned]);
    if (late) throw new Problem(late);
    const found = hashing.digestOf(inner); // 2
    if (digest && digest !== found) throw new Problem("message_changed");
    const told = await meaning(kind, wallet, fields); // 3
    const owners = [...told.querySelectorAll("[data-owner]")].map(({ dataset }) => dataset.owner.toLowerCase());
    const { chainId } = inner.domain;
    const signed = new Map(); // 4
    let strangers = false;
    for (const signature of signatures) {
      const signer = hashing.signerOf(chainId, wallet, found, signature);
      if (owners.includes(signer)) signed.set(signer, signature);
      else strangers = true;
    }
    const outer = hashing.ownersMessage(chainId, wallet, found);
    const needed = Number(told.dataset.threshold);
    const over = "doneAlready" in told.dataset;
    return { kind, wallet, fields, digest: found, inner, outer, told, owners, signed, needed, strangers, over };
  }

  // --- what is shown ---

  function draw() {
    const { told, inner, outer, signed, needed, over } = opened;
    at("meaning").replaceChildren(told);
    for (const item of told.querySelectorAll("[data-owner]")) {
      const has = signed.has(item.dataset.owner.toLowerCase());
      for (const each of item.querySelectorAll("[data-has-signed]")) each.hidden = !has;
      for (const each of item.querySelectorAll("[data-has-not-signed]")) each.hidden = has;
    }
    const complete = signed.size >= needed;
    const how = complete ? words.complete : signed.size ? words.soFar : words.nobody;
    at("so-far").textContent = over ? "" : fill(how, { signed: signed.size, needed });
    at("sign").hidden = over || complete;
    at("hand-in").hidden = over || !complete;
    at("handing-on").hidden = over || !signed.size;
    at("done").hidden = !over;
    at("result").href = told.dataset.result;
    at("inner").textContent = JSON.stringify(inner, null, 2);
    at("outer").textContent = JSON.stringify(outer, null, 2);
    at("link").value = window.location.href;
    at("panel").hidden = false;
    at("begin").hidden = true;
  }

  async function open(collected) {
    turn += 1;
    const mine = turn;
    opened = null;
    at("panel").hidden = true;
    show(words.asking);
    const found = await opening(collected);
    if (mine !== turn) return;
    opened = found;
    draw();
    const { over, strangers } = opened;
    show(over ? words.doneAlready : strangers ? words.notOfOwner : "", { error: strangers && !over });
    at("panel").querySelector("h2").focus();
  }

  async function openLink() {
    if (!isCollected(window.location.hash)) return;
    try {
      const collected = collectedIn(window.location.hash);
      if (!collected) throw new Problem("link_wrong");
      await open(collected);
    } catch (error) {
      at("panel").hidden = true;
      at("begin").hidden = false;
      show(said(error), { error: true });
    }
  }

  // --- what is done ---

  const READ = {
    delegation: ({ delegate, share, topic, until }) => {
      const percent = /^\d{1,3}$/.test(share.value) ? Number(share.value) : 0;
      if (percent < 1 || percent > 100) throw new Problem("share_range");
      // The day is meant to its end.
      const expires_at = until.value ? Math.floor(Date.parse(`${until.value}T23:59:59Z`) / 1000) : 0;
      const lent = { delegate: address(delegate), topic: topic.value, share_bps: percent * 100, expires_at };
      return ["delegation", lent];
    },
    revocation: ({ delegate, topic }) => {
      const lent = { delegate: address(delegate), topic: topic.value, share_bps: 0, expires_at: 0 };
      return ["delegation", lent];
    },
    sponsorship: ({ draft }) => ["sponsorship", { draft: Number(draft.value) }],
    attestation: ({ run, rule, finding, reason }) => {
      const why = reason.value.trim();
      if (finding.value === "objects" && !why) throw new Problem("reason_needed");
      return ["attestation", { run: Number(run.value), rule: rule.value, finding: finding.value, reason: why }];
    },
  };

  function address(field) {
    const text = field.value.trim();
    if (!ADDRESS.test(text)) throw new Problem("wallet_wrong");
    return text;
  }

  async function begin() {
    const wallet = address(form.elements.wallet);
    const [kind, fields] = READ[form.dataset.doing](form.elements);
    await open({ kind, wallet, fields, digest: "", signatures: [] });
  }

  async function sign() {
    show(word("connecting"));
    const asked = opened;
    const { provider, account } = await connect(viewer);
    const owner = account.toLowerCase();
    if (!asked?.owners.includes(owner)) throw new Problem("not_an_owner");
    if (asked.signed.has(owner)) throw new Problem("signed_already");
    show(word("signing"));
    const given = await request(provider, "eth_signTypedData_v4", [account, JSON.stringify(asked.outer)]);
    if (asked !== opened) throw new Problem("message_changed"); // another link was opened meanwhile
    const signature = hashing.spelled(given);
    const { kind, wallet, fields, digest, inner, signed } = opened;
    const signer = hashing.signerOf(inner.domain.chainId, wallet, digest, signature);
    if (signer !== owner) throw new Problem("signature_invalid");
    signed.set(owner, signature);
    const link = collectedLink({ kind, wallet, fields, digest, signatures: [...signed.values()] });
    window.history.replaceState(null, "", `${window.location.pathname}${link}`);
    show("");
    draw();
    at("copy").focus();
    if (signed.size >= opened.needed) await handIn();
  }

  async function handIn() {
    const { kind, wallet, fields, signed, needed } = opened;
    show(words.handingIn);
    const { url, body } = KINDS[kind].handIn(community, wallet, fields, hashing.joined(signed, needed));
    await post(url, body);
    opened.over = true;
    draw();
    show(words.handedIn);
    at("result").focus();
  }

  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    during(form.querySelector("button"), begin);
  });
  at("sign").addEventListener("click", (event) => during(event.currentTarget, sign));
  at("hand-in").addEventListener("click", (event) => during(event.currentTarget, handIn));
  at("copy").addEventListener("click", async () => {
    at("link").select();
    await navigator.clipboard?.writeText(at("link").value);
    show(words.copied);
  });
  window.addEventListener("hashchange", openLink);
  openLink();
}
