// A wallet on another device as a provider (EIP-1193), over a relay that cannot read what passes (WalletConnect 2). A bundle
// of its own, loaded by pairing.js when it is used. Nobody else is asked: what the library measures, and its service that
// judges sites, are off.
import { SignClient } from "@walletconnect/sign-client";

const METHODS = ["personal_sign", "eth_signTypedData_v4", "eth_sendTransaction", "eth_getTransactionReceipt"];
const EVENTS = ["accountsChanged", "chainChanged"];
const DECLINED = new Set([4001, 5000, 5001, 5002]); // EIP-1193, and the codes of the library
const SILENT_MS = 20_000;

export async function pairedWallet({ project, relay, chains, show, hide }) {
  const client = await within(
    SILENT_MS,
    SignClient.init({
      projectId: project,
      relayUrl: relay,
      telemetryEnabled: false,
      logger: "silent",
      customStoragePrefix: "commonweights",
      metadata: { name: document.title, description: location.host, url: location.origin, icons: [] },
    }),
  );
  Object.assign(client.core.verify, { register: async () => undefined, resolve: async () => undefined });
  const names = chains.map((chain) => `eip155:${chain}`);
  let current = names[0]; // the chain of this page

  // The newest session that is still good, and knows the chain of this page.
  const session = () =>
    client.session
      .getAll()
      .filter(({ expiry, namespaces }) => expiry * 1000 > Date.now() && accountsIn(namespaces).length > 0)
      .sort((one, other) => other.expiry - one.expiry)[0];

  const accountsIn = (namespaces) =>
    (namespaces.eip155?.accounts ?? []).filter((one) => one.startsWith(`${current}:`)).map((one) => one.split(":")[2]);

  async function pair() {
    const asked = { eip155: { chains: names, methods: METHODS, events: EVENTS } };
    const { uri, approval } = await within(SILENT_MS, client.connect({ optionalNamespaces: asked }));
    await show(uri);
    try {
      const accounts = accountsIn((await approval()).namespaces);
      if (accounts.length === 0) throw failure(4901, `The wallet offers no account on ${current}.`);
      return accounts;
    } finally {
      hide();
    }
  }

  // What is asked next is for this chain; each request names its own, so the other device is not asked.
  function switchTo(name) {
    if (!names.includes(name)) throw failure(4902, `This site knows no community on ${name}.`);
    current = name;
    return null;
  }

  async function request({ method, params = [] }) {
    const paired = session();
    if (method === "eth_accounts") return paired ? accountsIn(paired.namespaces) : [];
    if (method === "eth_requestAccounts") return paired ? accountsIn(paired.namespaces) : pair();
    if (method === "eth_chainId") return `0x${Number(current.split(":")[1]).toString(16)}`;
    if (method === "wallet_switchEthereumChain") return switchTo(`eip155:${Number(params[0].chainId)}`);
    if (!paired) throw failure(4100, "No wallet is paired any more. Choose it again.");
    if (!paired.namespaces.eip155.methods.includes(method)) throw failure(4200, `The wallet does not offer ${method}.`);
    return client.request({ topic: paired.topic, chainId: current, request: { method, params } });
  }

  // Ends every pairing of this browser: the other device is told, and where no relay passes that on, it ends here alone.
  async function end() {
    const reason = { code: 6000, message: "User disconnected." };
    for (const { topic } of client.session.getAll()) {
      await within(SILENT_MS, client.disconnect({ topic, reason })).catch(() => undefined);
      if (client.session.keys.includes(topic)) await client.session.delete(topic, reason);
    }
    for (const { topic } of client.core.pairing.getPairings()) {
      await within(SILENT_MS, client.core.pairing.disconnect({ topic })).catch(() => undefined);
    }
  }

  return {
    end,
    async request(asked) {
      try {
        return await request(asked);
      } catch (error) {
        throw failure(DECLINED.has(error?.code) ? 4001 : error?.code, error?.message ?? String(error));
      }
    },
  };
}

const failure = (code, message) => Object.assign(new Error(message), { code });

async function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(failure(-32603, "The relay does not answer.")), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
