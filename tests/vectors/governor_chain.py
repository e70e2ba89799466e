"""Real Governors on a local chain, for tests: compiling, deploying, and calling with plain JSON-RPC.

Holds no expectation; what the contracts answer is compared in the tests. The contracts stand in contracts/test/.
"""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eth_abi import decode
from eth_utils import function_signature_to_4byte_selector
from web3 import Web3

from config.demo import chain as demo

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
    """A deployed contract: web3 only encodes."""

    rpc_url: str
    address: str
    codec: Any

    def read(self, name: str, *arguments: Any) -> Any:
        answer = demo.rpc(self.rpc_url, "eth_call", [self.transaction(name, *arguments), "latest"])
        outputs = [output["type"] for output in self.codec.get_function_by_name(name).abi["outputs"]]
        values = decode(outputs, bytes.fromhex(answer[2:]))
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
        return {"to": self.address, "data": self.codec.encode_abi(name, arguments)}


def compile_contracts() -> None:
    """Compile the site's contracts and the tests'; nothing happens where they are unchanged."""
    for folder in ([], ["test"]):
        compiler = ["node", str(demo.ROOT / "contracts" / "compile.mjs"), *folder]
        subprocess.run(compiler, check=True, capture_output=True)


def built(name: str) -> dict[str, Any]:
    """Return {abi, bytecode} of a compiled contract."""
    return json.loads(demo.BUILD.with_name(f"{name}.json").read_bytes())


def contract_at(rpc_url: str, address: str, abi: list[dict[str, Any]]) -> Contract:
    return Contract(rpc_url, Web3.to_checksum_address(address), Web3().eth.contract(abi=abi))


def deploy_contract(rpc_url: str, name: str, sender: str, *arguments: Any) -> Contract:
    build = built(name)
    creation = Web3().eth.contract(abi=build["abi"], bytecode=build["bytecode"])
    data = creation.constructor(*arguments).data_in_transaction
    receipt = demo.rpc(rpc_url, "eth_sendTransactionSync", [{"from": sender, "data": data}])
    assert receipt["status"] == "0x1"
    return contract_at(rpc_url, receipt["contractAddress"], build["abi"])


def accounts_of(rpc_url: str) -> list[str]:
    """Return the ten unlocked accounts of the chain."""
    return [Web3.to_checksum_address(account) for account in demo.rpc(rpc_url, "eth_accounts")]


def speak_as(contract: Contract) -> None:
    """Let tests send in the contract's own name, as a proposal that it executes would."""
    demo.rpc(contract.rpc_url, "anvil_impersonateAccount", [contract.address])
    demo.rpc(contract.rpc_url, "anvil_setBalance", [contract.address, hex(10**21)])


def mine_together(rpc_url: str, transactions: Iterable[dict[str, str]]) -> list[tuple[int, dict[str, Any]]]:
    """Put transactions into one block; return (place among those given, receipt) in the order of the block.

    The chain must not mine by itself (evm_setAutomine). A transaction that is refused is in the block, with status 0x0.
    """
    hashes = [demo.rpc(rpc_url, "eth_sendTransaction", [{"gas": GAS, **one}]) for one in transactions]
    demo.rpc(rpc_url, "evm_mine")
    receipts = [demo.rpc(rpc_url, "eth_getTransactionReceipt", [one]) for one in hashes]
    assert len({receipt["blockNumber"] for receipt in receipts}) <= 1
    return sorted(enumerate(receipts), key=lambda numbered: int(numbered[1]["transactionIndex"], 16))
