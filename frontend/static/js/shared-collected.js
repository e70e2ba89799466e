// What the owners of a shared wallet have signed so far, as they hand it on: after the # of a link, which browsers send
// nowhere. And the kinds of messages that are collected so: where each is offered, and where it is handed in.
const NAME = "#signing=";
const SIGNATURES_MAX = 50;

const ADDRESS = (value) => typeof value === "string" && /^0x[0-9a-fA-F]{40}$/.test(value);
const NUMBER = (value) => Number.isSafeInteger(value) && value >= 0;
const TEXT = (value) => typeof value === "string";
const DIGEST = (value) => typeof value === "string" && /^0x[0-9a-f]{64}$/.test(value);
const SIGNATURE = (value) => typeof value === "string" && /^0x[0-9a-f]{130}$/.test(value);

const query = (url, values) => ({ url: `${url}?${new URLSearchParams(values)}` });

// Of each kind: the fields of a link, how its message is asked for and handed in, and the field of the message that is
// another one each time it is asked for. `pin` puts the link's value there, or says with a code why it is too late.
export const KINDS = Object.freeze({
  delegation: {
    fields: { delegate: ADDRESS, topic: TEXT, share_bps: NUMBER, expires_at: NUMBER },
    pinned: "nonce",
    offer: (community, delegator, { delegate, topic, share_bps, expires_at }) => {
      const asked = { delegator, delegate, topic, share_bps, expires_at };
      return query(`/api/v1/communities/${community}/delegation-message`, asked);
    },
    handIn: (community, delegator, fields, signature) => ({
      url: `/api/v1/communities/${community}/delegations`,
      body: { delegator, ...fields, signature },
    }),
    pin: (message, nonce) => (Number(message.nonce) === nonce ? "" : "message_used"),
  },
  sponsorship: {
    fields: { draft: NUMBER },
    pinned: null,
    offer: (_community, sponsor, { draft }) => query(`/api/v1/drafts/${draft}/sponsorship-message`, { sponsor }),
    handIn: (_community, sponsor, { draft }, signature) => ({
      url: `/api/v1/drafts/${draft}/sponsors`,
      body: { sponsor, signature },
    }),
    pin: () => "",
  },
  attestation: {
    fields: { run: NUMBER, rule: TEXT, finding: TEXT, reason: TEXT },
    pinned: "at",
    offer: (_community, reviewer, { run, rule, finding, reason }) => ({
      url: `/api/v1/runs/${run}/review/message`,
      body: { rule, finding, reason, reviewer },
    }),
    handIn: (_community, reviewer, { run, rule, finding, reason, at }, signature) => ({
      url: `/api/v1/runs/${run}/review/attestations`,
      body: { rule, finding, reason, reviewer, at, signature },
    }),
    // The message is taken in for an hour after it was offered (training_jobs/reviews/services.py).
    pin: (message, at) => {
      if (message.at - at > 3600) return "message_expired";
      message.at = at;
      return "";
    },
  },
});

// The part of the address from its # on.
export function collectedLink({ kind, wallet, fields, digest, signatures }) {
  return `${NAME}${encodeURIComponent(JSON.stringify({ kind, wallet, fields, digest, signatures }))}`;
}

export const isCollected = (hash) => hash.startsWith(NAME);

// What such a link holds, in no other form; nothing for any other text.
export function collectedIn(hash) {
  if (!isCollected(hash)) return null;
  let held;
  try {
    held = JSON.parse(decodeURIComponent(hash.slice(NAME.length)));
  } catch {
    return null;
  }
  const { kind, wallet, fields, digest, signatures } = held ?? {};
  const known = typeof kind === "string" && Object.hasOwn(KINDS, kind) ? KINDS[kind] : null;
  if (!known || !ADDRESS(wallet) || !DIGEST(digest) || typeof fields !== "object" || fields === null) return null;
  const forms = known.pinned ? { ...known.fields, [known.pinned]: NUMBER } : known.fields;
  if (Object.keys(fields).length !== Object.keys(forms).length) return null;
  if (!Object.entries(forms).every(([name, fits]) => Object.hasOwn(fields, name) && fits(fields[name]))) return null;
  if (!Array.isArray(signatures) || signatures.length > SIGNATURES_MAX || !signatures.every(SIGNATURE)) return null;
  return { kind, wallet, fields, digest, signatures };
}
