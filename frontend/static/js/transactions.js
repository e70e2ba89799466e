// Transactions of the reader's own wallet: sent, or signed for others, on the chain that they are meant for and nowhere else.
import { Problem } from "./api.js";
import { request } from "./wallet.js";

export async function sendTransaction(provider, account, { to, data, chainId }) {
  await standOn(provider, chainId);
  return request(provider, "eth_sendTransaction", [{ from: account, to, data }]);
}

// For what a contract checks itself: wallets refuse to sign it while they stand on another chain.
export async function signForContract(provider, account, typedData) {
  await standOn(provider, typedData.domain.chainId);
  return request(provider, "eth_signTypedData_v4", [account, JSON.stringify(typedData)]);
}

async function standOn(provider, wanted) {
  const chain = Number(wanted);
  const elsewhere = async () => Number(await request(provider, "eth_chainId")) !== chain;
  if (!(await elsewhere())) return;
  try {
    await request(provider, "wallet_switchEthereumChain", [{ chainId: `0x${chain.toString(16)}` }]);
  } catch (error) {
    if (error.code === "rejected") throw error;
  }
  if (await elsewhere()) throw Object.assign(new Problem("wrong_chain"), { values: { chain } });
}
