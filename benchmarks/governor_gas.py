"""What governing by our contracts costs in gas, beside OpenZeppelin's own parts doing the same.

    python -m benchmarks.governor_gas [--check]

On a local anvil: one life of a proposal (propose, three votes, one of them by signature, queue, execute, which approves
a run) under `CommunityGovernor` with `CommonsAnchor`, and under `contracts/test/PlainGovernor.sol` (the library's
Governor with the same modules) with `PlainAnchor.sol` (the least that writes a digest down once); then a post of each
anchor. Gas is exact: the same transactions cost the same everywhere, but for the bytes that are zero in addresses and
signatures. `--check` fails where a step of ours costs over a tenth more.
"""

import argparse
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from eth_utils import keccak

from config.demo import chain as demo
from tests.vectors.governor_chain import Contract, accounts_of, compile_contracts, deploy_contract

MORE_PERCENT_MAX = 10
DELAY, PERIOD, EXTENSION, TIMELOCK = 60, 3_600, 600, 120
AGAINST, FOR = 0, 1
DESCRIPTION = "Train the water model on the records of 2026"
ZERO = "0x" + "00" * 20


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    compile_contracts()
    with demo.start() as chain:
        rules = (DELAY, PERIOD, EXTENSION, 1, 1_000, TIMELOCK)
        ours = dict(life(chain.rpc_url, "CommunityGovernor", ("CommonsAnchor", 2), ["Water Commons", "token", rules]))
    with demo.start() as chain:
        numbers = [DELAY, PERIOD, EXTENSION, 1, 10, TIMELOCK]
        plain = dict(life(chain.rpc_url, "PlainGovernor", ("PlainAnchor", 1), ["token", numbers]))
    print("\n| step | ours, gas | OpenZeppelin alone, gas | more |\n|---|---:|---:|---:|")
    worst = 0.0
    for step, gas in ours.items():
        more = 100 * (gas / plain[step] - 1)
        worst = max(worst, more)
        print(f"| {step} | {gas:,} | {plain[step]:,} | {more:+.1f} % |")
    if options.check and worst > MORE_PERCENT_MAX:
        print(f"a step costs {worst:.1f} % more than OpenZeppelin alone; {MORE_PERCENT_MAX} % is allowed")
        return 1
    return 0


def life(rpc_url: str, governor_name: str, anchor: tuple[str, int], made_with: list[Any]) -> Iterator[tuple[str, int]]:
    """Yield what each step of a proposal's life costs, and then a post; all of it at the same times."""
    accounts = accounts_of(rpc_url)
    voters, poster = accounts[:3], accounts[5]
    token = deploy_contract(rpc_url, "TimedToken", poster, "Water", "W", voters, [10**18] * len(voters))
    for voter in voters:
        token.send(voter, "delegate", voter)
    arguments = [token.address if argument == "token" else argument for argument in made_with]
    governor = deploy_contract(rpc_url, governor_name, poster, *arguments, ZERO)
    name, parameters = anchor
    owner = governor.read("timelock")
    approved = deploy_contract(rpc_url, name, poster, *[owner, poster][:parameters])
    posted = deploy_contract(rpc_url, name, poster, *[poster, poster][:parameters])
    call = bytes.fromhex(approved.transaction("approveRun", sha256(b"run").digest())["data"][2:])
    what = ([approved.address], [0], [call])
    hashed = (*what, keccak(text=DESCRIPTION))
    pass_seconds(rpc_url, 1)  # what was delegated in this very second does not count yet
    yield "propose", gas_of(governor, voters[0], "propose", *what, DESCRIPTION)
    proposal = governor.read("hashProposal", *hashed)
    pass_seconds(rpc_url, DELAY + 1)
    yield "vote", gas_of(governor, voters[0], "castVote", proposal, AGAINST)
    yield "vote that meets the quorum late", late_vote(governor, voters[1], proposal)
    yield "vote by signature", gas_of(governor, poster, "castVoteBySig", *signed(governor, voters[2], proposal))
    pass_seconds(rpc_url, PERIOD)
    yield "queue", gas_of(governor, poster, "queue", *hashed)
    pass_seconds(rpc_url, TIMELOCK + 1)
    yield "execute: approve a run", gas_of(governor, poster, "execute", *hashed)
    yield "post to the anchor", gas_of(posted, poster, "post", b"release".ljust(32, b"\0"), sha256(b"release").digest())


def late_vote(governor: Contract, voter: str, proposal: int) -> int:
    """Vote shortly before the end: an extension is written, which is what the module for late quorums costs."""
    pass_seconds(governor.rpc_url, PERIOD - 100)
    return gas_of(governor, voter, "castVoteWithReason", proposal, FOR, "")


def signed(governor: Contract, voter: str, proposal: int) -> list[Any]:
    """Return the arguments of a vote by signature: proposal, support, voter, signature."""
    name = governor.read("name")
    message = {"proposalId": str(proposal), "support": FOR, "voter": voter, "nonce": governor.read("nonces", voter)}
    parts = [("proposalId", "uint256"), ("support", "uint8"), ("voter", "address"), ("nonce", "uint256")]
    domain = [("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address")]
    typed = {
        "types": {
            "EIP712Domain": [{"name": part, "type": kind} for part, kind in domain],
            "Ballot": [{"name": part, "type": kind} for part, kind in parts],
        },
        "primaryType": "Ballot",
        "domain": {
            "name": name,
            "version": "1",
            "chainId": demo.CHAIN_ID,
            "verifyingContract": governor.address,
        },
        "message": message,
    }
    signature = demo.sign_typed_data(governor.rpc_url, voter, typed)
    return [proposal, FOR, voter, bytes.fromhex(signature[2:])]


def gas_of(contract: Contract, sender: str, name: str, *arguments: Any) -> int:  # noqa: ANN401 - whatever the ABI says
    """Send a transaction that must succeed and return the gas it used."""
    sent = {"from": sender, **contract.transaction(name, *arguments)}
    receipt = demo.rpc(contract.rpc_url, "eth_sendTransactionSync", [sent])
    if receipt["status"] != "0x1":
        raise RuntimeError(f"{name} was reverted")
    return int(receipt["gasUsed"], 16)


def pass_seconds(rpc_url: str, seconds: int) -> None:
    """Let time pass on the chain."""
    demo.rpc(rpc_url, "evm_increaseTime", [hex(seconds)])
    demo.rpc(rpc_url, "evm_mine")


if __name__ == "__main__":
    sys.exit(main())
