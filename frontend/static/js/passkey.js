// Making and using passkeys (WebAuthn level 2). The server asks and judges; here bytes become text and back.
import { Problem, explain, post } from "./api.js";

const DENIED = new Set(["NotAllowedError", "AbortError"]);
const KNOWN = "InvalidStateError";

export const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const descriptors = (list = []) => list.map((one) => ({ ...one, id: bytes(one.id) }));

export function start(root) {
  const { passkey: purpose, next, waiting, none, stopped, known } = root.dataset;
  const says = JSON.parse(root.dataset.says);
  const button = root.querySelector("button");
  const status = root.querySelector("[data-passkey-status]");

  button.addEventListener("click", async () => {
    if (!window.PublicKeyCredential) return say(none, true);
    button.disabled = true;
    say(waiting);
    try {
      const { public_key: options } = await post("/api/v1/auth/passkey/begin", { purpose });
      const answer = purpose === "signin" ? await used(options) : await made(options);
      const name = root.querySelector("[data-passkey-name]")?.value.trim() || root.dataset.name;
      await post("/api/v1/auth/passkey/finish", { purpose, answer, name: purpose === "signin" ? "" : name });
      window.location.assign(new URL(next || "/me/settings/", window.location.origin).href);
    } catch (error) {
      say(sentence(error), true);
      button.disabled = false;
      button.focus();
    }
  });

  function sentence(error) {
    if (DENIED.has(error.name)) return stopped;
    if (error.name === KNOWN) return known;
    return (error instanceof Problem && says[error.code]) || explain(error);
  }

  function say(words, isError = false) {
    status.textContent = words;
    status.classList.toggle("status--error", isError);
  }
}

// Make a passkey as the server asks, and return it as the server reads it.
export async function made(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  };
  const credential = await navigator.credentials.create({ publicKey });
  const { clientDataJSON, attestationObject } = credential.response;
  return plain(credential, { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) });
}

async function used(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: descriptors(options.allowCredentials),
  };
  const credential = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return plain(credential, {
    clientDataJSON: text(clientDataJSON),
    authenticatorData: text(authenticatorData),
    signature: text(signature),
    ...(userHandle && { userHandle: text(userHandle) }),
  });
}

const plain = (credential, response) => ({
  id: credential.id,
  rawId: text(credential.rawId),
  type: credential.type,
  response,
});
