// A relay of WalletConnect 2 on loopback, and a wallet on "another device" that talks through it with the library's own client.
// Prints {"relay": address}; reads lines of JSON on standard input: {"pair": uri} lets the wallet pair and approve, {"decline": n}
// lets it decline the next n requests; prints {"signed": method} for each, and {"ended": true} when the page ends the pairing.
// Arguments: the wallet's private key, its chain, and a node to which it sends transactions.
import { createInterface } from "node:readline";

import { SignClient } from "@walletconnect/sign-client";
import { JsonRpcProvider, Wallet, getBytes } from "ethers";
import { WebSocketServer } from "ws";

const [key, chain, node] = process.argv.slice(2);
const wallet = new Wallet(key);
const account = `eip155:${chain}:${wallet.address}`;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
let declines = 0;

const relay = await startRelay();
say({ relay });
const client = await SignClient.init({
  projectId: "tests",
  relayUrl: relay,
  telemetryEnabled: false,
  logger: "silent",
  customStoragePrefix: `wallet-${process.pid}`,
  metadata: { name: "Telephone", description: "", url: "https://wallet.example", icons: [] },
});

client.on("session_proposal", async ({ id, params }) => {
  const { methods, events, chains } = params.optionalNamespaces.eip155;
  say({ asked: { chains, methods } });
  await client.approve({ id, namespaces: { eip155: { accounts: [account], methods, events, chains: [`eip155:${chain}`] } } });
});

client.on("session_request", async ({ topic, id, params }) => {
  const { method, params: values } = params.request;
  const declined = declines > 0;
  if (declined) declines -= 1;
  const answer = declined ? { error: { code: 5000, message: "User rejected." } } : { result: await answered(method, values) };
  await client.respond({ topic, response: { id, jsonrpc: "2.0", ...answer } });
  say({ [declined ? "declined" : "signed"]: method });
});

client.on("session_delete", () => say({ ended: true }));

async function answered(method, values) {
  if (method === "personal_sign") return wallet.signMessage(getBytes(values[0]));
  if (method === "eth_sendTransaction") return sent(values[0]);
  if (method !== "eth_signTypedData_v4") throw new Error(method);
  const { domain, types, message } = JSON.parse(values[1]);
  const { EIP712Domain, ...own } = types;
  return wallet.signTypedData(domain, own, message);
}

async function sent({ to, data }) {
  const provider = new JsonRpcProvider(node, Number(chain), { staticNetwork: true });
  const { hash } = await wallet.connect(provider).sendTransaction({ to, data });
  provider.destroy();
  return hash;
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  if (order.pair) await client.core.pairing.pair({ uri: order.pair });
  if (order.decline) declines += order.decline;
}
process.exit(0);

// Passes messages on to who listens to their topic, and keeps them for who comes later. It reads none.
function startRelay() {
  const kept = new Map(); // topic -> messages
  const listeners = new Map(); // topic -> Map(socket -> subscription)
  let numbers = 1;
  const publish = (from, topic, message, tag = 0) => {
    const sent = { topic, message, publishedAt: Date.now(), tag };
    kept.set(topic, [...(kept.get(topic) ?? []), sent]);
    for (const [socket, id] of listeners.get(topic) ?? []) if (socket !== from) push(socket, id, sent);
  };
  const push = (socket, id, data) =>
    socket.send(JSON.stringify({ id: Date.now() * 1000 + (numbers += 1), jsonrpc: "2.0", method: "irn_subscription", params: { id, data } }));
  const listen = (socket, topic) => {
    const id = `${topic.slice(0, 32)}${numbers.toString(16).padStart(32, "0")}`;
    numbers += 1;
    if (!listeners.has(topic)) listeners.set(topic, new Map());
    listeners.get(topic).set(socket, id);
    for (const sent of kept.get(topic) ?? []) push(socket, id, sent);
    return id;
  };
  const methods = {
    irn_subscribe: (socket, { topic }) => listen(socket, topic),
    irn_batchSubscribe: (socket, { topics }) => topics.map((topic) => listen(socket, topic)),
    irn_unsubscribe: (socket, { topic }) => Boolean(listeners.get(topic)?.delete(socket)),
    irn_publish: (socket, { topic, message, tag }) => (publish(socket, topic, message, tag), true),
    irn_fetchMessages: (_, { topic }) => ({ messages: kept.get(topic) ?? [], hasMore: false }),
    irn_batchFetchMessages: (_, { topics }) => ({ messages: topics.flatMap((topic) => kept.get(topic) ?? []), hasMore: false }),
    wc_proposeSession(socket, { pairingTopic, sessionProposal }) {
      listen(socket, pairingTopic);
      publish(socket, pairingTopic, sessionProposal, 1100);
      return true;
    },
    wc_approveSession(socket, { pairingTopic, sessionTopic, sessionProposalResponse, sessionSettlementRequest }) {
      listen(socket, sessionTopic);
      publish(socket, pairingTopic, sessionProposalResponse, 1101);
      publish(socket, sessionTopic, sessionSettlementRequest, 1102);
      return true;
    },
  };
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const asked = JSON.parse(String(data));
      if (!asked.method) return; // what was pushed has arrived
      const method = methods[asked.method];
      const answer = method ? { result: method(socket, asked.params) } : { error: { code: -32601, message: asked.method } };
      if (!method) say({ unknown: asked.method });
      socket.send(JSON.stringify({ id: asked.id, jsonrpc: "2.0", ...answer }));
    });
    socket.on("close", () => {
      for (const each of listeners.values()) each.delete(socket);
    });
  });
  return new Promise((resolve) => server.on("listening", () => resolve(`ws://127.0.0.1:${server.address().port}`)));
}
