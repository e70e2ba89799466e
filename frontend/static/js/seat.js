// A passkey as a wallet: an EIP-1193 provider whose account is the address of a P-256 key, for members who vote by passkey.
// A script of its own: only who chooses a passkey loads it. How such a signature is checked: governance/eip712/passkeys.py.
import { Problem, get, post } from "./api.js";
import { bytes, made } from "./passkey.js";
import { concat, fromHex, hex, integerBytes, toInteger, utf8 } from "./verifier/bytes.js";
import { keccak256 } from "./verifier/keccak.js";

const KEY = "seat";
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const USER_REJECTED = 4001;
const DENIED = new Set(["NotAllowedError", "AbortError"]);

// Make a passkey for a seat; returns {credential, address, public_key}.
export async function makeSeat() {
  const { public_key: options } = await post("/api/v1/passkey-seats/begin", {});
  const answer = await made(options);
  const seat = await post("/api/v1/passkey-seats", { answer });
  remember(seat);
  return seat;
}

// Ask which passkey; returns the same. What is signed here is thrown away: only the passkey's name is wanted.
export async function findSeat() {
  const { id } = await used(crypto.getRandomValues(new Uint8Array(32)));
  const seat = await get(`/api/v1/passkey-seats/${id}`);
  remember(seat);
  return seat;
}

export const provider = Object.freeze({
  async request({ method, params = [] }) {
    if (method === "eth_requestAccounts") return [(await findSeat()).address];
    if (method === "eth_accounts") return current() ? [current().address] : [];
    if (method === "eth_signTypedData_v4") return sign(params[0], typedDataDigest(JSON.parse(params[1])));
    if (method === "personal_sign") return sign(params[1], textDigest(fromHex(params[0].slice(2))));
    throw new Problem("passkey_cannot");
  },
  on() {},
  removeListener() {},
});

const current = () => {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
};

function remember(seat) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(seat));
  } catch {
    // without storage the passkey is asked for again on the next page
  }
}

// The passkey's whole answer to a digest, in the one spelling that is accepted.
async function sign(address, digest) {
  const known = current();
  const seat = known?.address.toLowerCase() === address.toLowerCase() ? known : await findSeat();
  if (seat.address.toLowerCase() !== address.toLowerCase()) throw new Problem("no_account");
  const { response } = await used(digest, seat.credential);
  const data = new Uint8Array(response.authenticatorData);
  const [r, s] = numbersOf(new Uint8Array(response.signature));
  const lower = s > P256_ORDER / 2n ? P256_ORDER - s : s;
  const point = fromHex(seat.public_key.slice(2));
  const all = concat(point, integerBytes(r, 32), integerBytes(lower, 32), data, new Uint8Array(response.clientDataJSON));
  return `webauthn:${hex(all)}`;
}

async function used(challenge, credential = "") {
  const allowCredentials = credential ? [{ type: "public-key", id: bytes(credential) }] : [];
  try {
    return await navigator.credentials.get({ publicKey: { challenge, allowCredentials, userVerification: "required" } });
  } catch (error) {
    throw DENIED.has(error.name) ? Object.assign(new Error("declined"), { code: USER_REJECTED }) : error;
  }
}

// r and s of a DER signature, as devices write it.
function numbersOf(der) {
  const end = 4 + der[3];
  return [toInteger(der.subarray(4, end)), toInteger(der.subarray(end + 2))];
}

// EIP-191 and EIP-712. Messages here are flat: no structs within structs, and no lists.

const PERSONAL = utf8("\x19Ethereum Signed Message:\n");
const textDigest = (text) => keccak256(concat(PERSONAL, utf8(String(text.length)), text));

export function typedDataDigest({ types, domain, primaryType, message }) {
  const parts = [hashOf("EIP712Domain", types.EIP712Domain, domain), hashOf(primaryType, types[primaryType], message)];
  return keccak256(concat(Uint8Array.of(0x19, 0x01), ...parts));
}

function hashOf(name, fields, values) {
  const type = `${name}(${fields.map((field) => `${field.type} ${field.name}`).join(",")})`;
  return keccak256(concat(keccak256(utf8(type)), ...fields.map((field) => word(field.type, values[field.name]))));
}

function word(type, value) {
  if (type === "string") return keccak256(utf8(value));
  if (type === "address") return concat(new Uint8Array(12), fromHex(value.slice(2)));
  if (type === "bytes32") return fromHex(value.slice(2));
  if (/^uint\d+$/.test(type)) return integerBytes(BigInt(value), 32);
  throw new Problem("wallet_error", `${type}?`);
}
