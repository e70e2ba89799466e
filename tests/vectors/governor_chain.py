"""Real Governors on a local chain, for tests: compiling, deploying, and calling with plain JSON-RPC.

Holds no expectation; what the contracts answer is compared in the tests. The contracts stand in contracts/test/.
"""

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eth_abi import decode, encode
from eth_utils import function_signature_to_4byte_selector
from eth_utils.abi import collapse_if_tuple

from config.demo import chain as demo
from governance.eip712 import checksum_address

# More than any call here needs. Named, so that the node does not try a call out first and refuse what is to be mined.
GAS = hex(1_000_000)


def selector(error: str) -> str:
    """Return by which four bytes a contract names an error such as "GovernorAlreadyCastVote(address)"."""
    return "0x" + function_signature_to_4byte_selector(error).hex()


# What the contracts answer to an action that comes in the wrong state; any other refusal is a mistake of the test.
WRONG_STATE = tuple(
    selector(error)
    for error in (
        "GovernorUnexpectedProposalState(uint256,uint8,bytes32)",
        "TimelockUnexpectedOperationState(bytes32,bytes32)",
        "GovernorUnableToCancel(uint256,address)",
    )
)


@dataclass(frozen=True)
class Contract:
    """A deployed contract. Functions are called by name, or by signature where a name has several."""

    rpc_url: str
    address: str
    functions: Mapping[str, "Function"]

    def read(self, name: str, *arguments: Any) -> Any:
        answer = demo.rpc(self.rpc_url, "eth_call", [self.transaction(name, *arguments), "latest"])
        values = decode(self.functions[name].outputs, bytes.fromhex(answer[2:]))
        return values[0] if len(values) == 1 else values

    def refusal(self, sender: str, name: str, *arguments: Any) -> str | None:
        """Return the node's words if it would refuse the transaction now, None if it would go through."""
        try:
            demo.rpc(self.rpc_url, "eth_call", [{"from": sender, **self.transaction(name, *arguments)}, "latest"])
        except demo.DemoChainError as error:
            return str(error)
        return None

    def accepts(self, sender: str, name: str, *arguments: Any) -> bool:
        """Say whether the state of things allows the transaction now, without sending it."""
        refused = self.refusal(sender, name, *arguments)
        assert refused is None or any(error in refused for error in WRONG_STATE), refused
        return refused is None

    def send(self, sender: str, name: str, *arguments: Any) -> None:
        transaction = {"from": sender, **self.transaction(name, *arguments)}
        assert demo.rpc(self.rpc_url, "eth_sendTransactionSync", [transaction])["status"] == "0x1"

    def transaction(self, name: str, *arguments: Any) -> dict[str, str]:
        function = self.functions[name]
        return {"to": self.address, "data": function.selector + encode(function.inputs, arguments).hex()}


@dataclass(frozen=True)
class Function:
    """How one function is called. web3 does the same, but looks everything up again for every call: 5 ms each."""

    selector: str
    inputs: list[str]
    outputs: list[str]


def functions_of(abi: Iterable[Mapping[str, Any]]) -> dict[str, Function]:
    """Return the functions of a contract by signature, and by name alone where that says which."""
    functions: dict[str, Function] = {}
    named: dict[str, list[Function]] = {}
    for entry in abi:
        if entry["type"] == "function":
            inputs, outputs = ([collapse_if_tuple(part) for part in entry[side]] for side in ("inputs", "outputs"))
            signature = f"{entry['name']}({','.join(inputs)})"
            functions[signature] = Function(selector(signature), inputs, outputs)
            named.setdefault(entry["name"], []).append(functions[signature])
    return functions | {name: found[0] for name, found in named.items() if len(found) == 1}


def compile_contracts() -> None:
    """Compile the site's contracts and the tests'; nothing happens where they are unchanged."""
    for folder in ([], ["test"]):
        compiler = ["node", str(demo.ROOT / "contracts" / "compile.mjs"), *folder]
        subprocess.run(compiler, check=True, capture_output=True)


def built(name: str) -> dict[str, Any]:
    """Return {abi, bytecode} of a compiled contract."""
    return json.loads(demo.BUILD.with_name(f"{name}.json").read_bytes())


def contract_at(rpc_url: str, address: str, abi: Iterable[Mapping[str, Any]]) -> Contract:
    return Contract(rpc_url, checksum_address(address), functions_of(abi))


def deploy_contract(rpc_url: str, name: str, sender: str, *arguments: Any) -> Contract:
    build = built(name)
    (constructor,) = (entry for entry in build["abi"] if entry["type"] == "constructor")
    data = build["bytecode"] + encode([collapse_if_tuple(part) for part in constructor["inputs"]], arguments).hex()
    receipt = demo.rpc(rpc_url, "eth_sendTransactionSync", [{"from": sender, "data": data}])
    assert receipt["status"] == "0x1"
    return contract_at(rpc_url, receipt["contractAddress"], build["abi"])


def accounts_of(rpc_url: str) -> list[str]:
    """Return the ten unlocked accounts of the chain."""
    return [checksum_address(account) for account in demo.rpc(rpc_url, "eth_accounts")]


def speak_as(contract: Contract) -> None:
    """Let tests send in the contract's own name, as a proposal that it executes would."""
    demo.rpc(contract.rpc_url, "anvil_impersonateAccount", [contract.address])
    demo.rpc(contract.rpc_url, "anvil_setBalance", [contract.address, hex(10**21)])


@contextmanager
def taken_back(rpc_url: str) -> Iterator[None]:
    """Undo on the chain what happens inside: each new block costs the node more, the longer its history is."""
    before = demo.rpc(rpc_url, "evm_snapshot")
    yield
    assert demo.rpc(rpc_url, "evm_revert", [before])


def mine_together(rpc_url: str, transactions: Iterable[dict[str, str]]) -> list[tuple[int, dict[str, Any]]]:
    """Put transactions into one block; return (place among those given, receipt) in the order of the block.

    The chain must not mine by itself (evm_setAutomine). A transaction that is refused is in the block, with status 0x0.
    """
    hashes = [demo.rpc(rpc_url, "eth_sendTransaction", [{"gas": GAS, **one}]) for one in transactions]
    demo.rpc(rpc_url, "evm_mine")
    receipts = demo.rpc(rpc_url, "eth_getBlockReceipts", ["latest"])
    assert sorted(receipt["transactionHash"] for receipt in receipts) == sorted(hashes)
    return [(hashes.index(receipt["transactionHash"]), receipt) for receipt in receipts]
