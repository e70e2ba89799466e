// Independent implementations, as a peer to compare with: viem, ethers and siwe (all from npm).
//
// Reads one JSON question a line from standard input, writes one JSON answer a line. Where two peers answer the same
// question both answers are given, so that a test sees it when the peers themselves disagree. Shares no code with ours.

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { ParsedMessage } from "@spruceid/siwe-parser";
import * as ethers from "ethers";
import { SiweMessage } from "siwe";
import * as viem from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { createSiweMessage, parseSiweMessage } from "viem/siwe";

export const answers = {
  digest({ typed }) {
    const { EIP712Domain: _, ...types } = typed.types;
    return {
      viem: viem.hashTypedData(typed),
      ethers: ethers.TypedDataEncoder.hash(typed.domain, types, typed.message),
    };
  },
  async sign({ key, typed }) {
    const { EIP712Domain: _, ...types } = typed.types;
    return {
      address: privateKeyToAccount(key).address,
      signature: await privateKeyToAccount(key).signTypedData(typed),
      ethers: await new ethers.Wallet(key).signTypedData(typed.domain, types, typed.message),
    };
  },
  async personal_sign({ key, text }) {
    return { signature: await privateKeyToAccount(key).signMessage({ message: text }) };
  },
  async recover({ digest, signature }) {
    return {
      viem: await viem.recoverAddress({ hash: digest, signature }),
      ethers: ethers.recoverAddress(digest, signature),
    };
  },
  address({ key }) {
    return { viem: privateKeyToAccount(key).address, ethers: new ethers.Wallet(key).address };
  },
  personal_digest({ text }) {
    return { viem: viem.hashMessage(text), ethers: ethers.hashMessage(text) };
  },
  checksum({ address }) {
    return { viem: viem.getAddress(address), ethers: ethers.getAddress(address) };
  },
  siwe_parse({ text }) {
    const parsed = new ParsedMessage(text);
    return {
      siwe: {
        scheme: parsed.scheme ?? null,
        domain: parsed.domain,
        address: parsed.address,
        statement: parsed.statement ?? null,
        uri: parsed.uri,
        version: parsed.version,
        chain_id: parsed.chainId,
        nonce: parsed.nonce,
        issued_at: parsed.issuedAt,
        expiration_time: parsed.expirationTime ?? null,
        not_before: parsed.notBefore ?? null,
        request_id: parsed.requestId ?? null,
        resources: parsed.resources ?? [],
      },
      viem: parseSiweMessage(text),
    };
  },
  siwe_render({ fields }) {
    const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
    const { scheme, domain, address, statement, uri, chain_id, nonce, request_id, resources } = given;
    const times = { issuedAt: given.issued_at, expirationTime: given.expiration_time, notBefore: given.not_before };
    const common = { scheme, domain, address, statement, uri, version: "1", chainId: chain_id, nonce, resources };
    const dates = Object.fromEntries(Object.entries(times).filter(([, t]) => t).map(([k, t]) => [k, new Date(t)]));
    return {
      siwe: new SiweMessage(withoutUndefined({ ...common, ...times, requestId: request_id })).prepareMessage(),
      viem: createSiweMessage(withoutUndefined({ ...common, ...dates, requestId: request_id })),
    };
  },
};

export async function answer(question) {
  try {
    return await answers[question.op](question);
  } catch (error) {
    return { error: String(error?.message ?? error).slice(0, 300) };
  }
}

function withoutUndefined(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
}
