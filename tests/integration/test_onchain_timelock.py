"""What a timelock does by itself with what waits in it: dropped, taken in again; here as on the chain, to the end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.demo import chain as demo
from governance.chain import governor
from governance.eip712 import checksum_address
from governance.eip712.keccak import keccak
from governance.fsck import check_one as fsck
from governance.lifecycle import State
from governance.models import Community, Contract, ContractEvent, Event
from governance.onchain import offering
from tests.integration import governed
from tests.integration.exports import there_and_back
from tests.integration.governed import NUMBERS, OnBothSides, moment
from tests.integration.test_onchain_changes import FOR, NEW_TIMELOCK, changes, second_timelock
from tests.vectors.contract_histories import decide
from tests.vectors.governor_chain import compile_contracts


@pytest.fixture(scope="module")
def deployed() -> Iterator[governed.Chain]:
    compile_contracts()
    with demo.start() as node:
        yield governed.deploy(node.rpc_url)


@pytest.fixture
def chain(deployed: governed.Chain) -> Iterator[governed.Chain]:
    """The chain; what a test does there is taken back."""
    before = demo.rpc(deployed.rpc_url, "evm_snapshot")
    yield deployed
    assert demo.rpc(deployed.rpc_url, "evm_revert", [before])


@pytest.fixture
def community(db: None, chain: governed.Chain, settings: Any) -> Community:
    return governed.found(chain, settings)


def in_timelock(both: OnBothSides, **more: int) -> dict[str, str]:
    """Return the call by which a timelock drops the operation of a proposal, or takes it in again."""
    made = both.approval
    if not more:
        return {"data": governor.call("cancel", ("bytes32",), (bytes.fromhex(made.operation[2:]),))}
    salt = (int(made.governor, 16) << 96) ^ int.from_bytes(made.description_hash)
    types = ("address[]", "uint256[]", "bytes[]", "bytes32", "bytes32", "uint256")
    return {"data": governor.call("scheduleBatch", types, (*made.actions, bytes(32), salt.to_bytes(32), more["delay"]))}


def queued(chain: governed.Chain, community: Community, *names: str) -> list[OnBothSides]:
    """Take proposals through their votes into the timelock."""
    made = [governed.propose(chain, community, statement=name) for name in names]
    chain.wait_until(int(made[-1].here.opens_at.timestamp()))
    for one in made:
        one.vote("Alice", FOR)
    chain.wait_until(int(made[-1].here.closes_at.timestamp()))
    made[-1].follow()
    for one in made:
        chain.send("Daouda", offering.queue(one.here, moment(chain.now)))
    made[-1].follow()
    return made


def clerk(chain: governed.Chain) -> str:
    """Let the community decide that Chloé may drop in the timelock what waits there, and take it in again."""
    timelock = chain.governor.read("timelock")
    who = bytes.fromhex(chain.accounts["Chloé"][2:])
    roles = [keccak(role.encode()) for role in ("PROPOSER_ROLE", "CANCELLER_ROLE")]
    calls = [(timelock, governor.call("grantRole", ("bytes32", "address"), (role, who))) for role in roles]
    for one in decide(chain.governor, [chain.accounts["Alice"], chain.accounts["Bob"]], NUMBERS, calls):
        chain.send("Bob", chain.governor.transaction("execute", *one))
    chain.finalize()
    return checksum_address(timelock)


def both_say(chain: governed.Chain, both: OnBothSides) -> tuple[str, State]:
    return governor.STATES[both.state_there()], both.here.state(moment(chain.now))


def test_what_the_timelock_alone_drops_is_canceled_here_and_waits_again_when_it_is_taken_in(
    chain: governed.Chain, community: Community, tmp_path: Path
) -> None:
    timelock = clerk(chain)
    gone, back = queued(chain, community, "Gone", "Back")
    for one in (gone, back):
        chain.send("Chloé", {"to": timelock, **in_timelock(one)})
    assert both_say(chain, gone) == ("canceled", State.QUEUED)  # not final, so not read
    back.follow()
    assert [both_say(chain, one) for one in (gone, back)] == [("canceled", State.CANCELED)] * 2
    told = Event.objects.filter(proposal=gone.pk, kind="proposal_canceled").get()
    assert (told.actor, told.data["reason"]) == ("", "canceled in the timelock")
    page = Client(headers={"accept-language": "en"}).get(f"/c/{community.slug}/proposals/{gone.here.number}/")
    assert "canceled in the timelock in which it waited" in page.content.decode()
    chain.send("Chloé", {"to": timelock, **in_timelock(back, delay=40)})
    back.follow()
    assert both_say(chain, back)[0] == "queued"
    assert back.here.canceled_at is None
    chain.wait_until(chain.now + 40)
    chain.send("Bob", offering.execute(back.here, moment(chain.now)))
    back.follow()
    assert both_say(chain, back) == ("executed", State.EXECUTED)
    assert both_say(chain, gone) == ("canceled", State.CANCELED)
    assert back.follow() == 0
    assert not ContractEvent.objects.filter(taken=False).exists()
    assert list(fsck(Community.objects.get(pk=community.pk))) == []
    there_and_back(community.slug, tmp_path, moment(chain.now))


def test_a_vote_that_lets_the_governor_drop_what_waits_is_followed(chain: governed.Chain, community: Community) -> None:
    (waits,) = queued(chain, community, "Waits")
    timelock = chain.governor.read("timelock")
    drop = bytes.fromhex(in_timelock(waits)["data"][2:])
    relay = governor.call("relay", ("address", "uint256", "bytes"), (timelock, 0, drop))
    voters = [chain.accounts["Alice"], chain.accounts["Bob"]]
    (decided,) = decide(chain.governor, voters, NUMBERS, [(chain.governor.address, relay)])
    chain.send("Bob", chain.governor.transaction("execute", *decided))
    waits.follow()
    assert both_say(chain, waits) == ("canceled", State.CANCELED)
    assert list(fsck(Community.objects.get(pk=community.pk))) == []


def test_what_the_governor_canceled_stays_so_when_its_timelock_takes_it_in(
    chain: governed.Chain, community: Community
) -> None:
    timelock = clerk(chain)
    (both,) = queued(chain, community, "No")
    chain.send("Daouda", {"to": chain.governor.address, "data": governor.cancel(both.approval)})  # the guardian
    chain.send("Chloé", {"to": timelock, **in_timelock(both, delay=30)})
    both.follow()
    assert both_say(chain, both) == ("canceled", State.CANCELED)
    assert both.here.cancel_reason == "canceled on the chain"
    assert Event.objects.filter(proposal=both.pk, kind="proposal_canceled").count() == 1
    assert list(fsck(Community.objects.get(pk=community.pk))) == []


def test_a_chain_that_takes_a_cancellation_in_the_timelock_back_is_read_no_more(
    chain: governed.Chain, community: Community
) -> None:
    timelock = clerk(chain)
    (both,) = queued(chain, community, "Waits")
    before = demo.rpc(chain.rpc_url, "evm_snapshot")
    chain.send("Chloé", {"to": timelock, **in_timelock(both)})
    both.follow()
    assert both.here.state(moment(chain.now)) == State.CANCELED
    assert demo.rpc(chain.rpc_url, "evm_revert", [before])
    demo.rpc(chain.rpc_url, "anvil_mine", [hex(12), hex(2)])
    both.follow()
    assert "took back block" in Contract.objects.get(community=community).halted
    assert both.here.state(moment(chain.now)) == State.CANCELED, "what was carried out stays to be judged"


def test_what_was_dropped_in_a_former_timelock_does_not_wait_again_when_that_comes_back(
    chain: governed.Chain, community: Community
) -> None:
    there = clerk(chain)
    addresses = [bytes.fromhex(address[2:]) for address in (NEW_TIMELOCK, there)]
    away, same = changes(chain, *(("updateTimelock", "address", one) for one in addresses))  # type: ignore[arg-type]
    chain.finalize()
    stays, dropped = queued(chain, community, "Stays", "Dropped")
    chain.send("Bob", same)  # the one that it has already
    stays.follow()
    assert [both_say(chain, one)[0] for one in (stays, dropped)] == ["queued"] * 2
    assert [one.here.canceled_at for one in (stays, dropped)] == [None, None]
    second_timelock(chain, there)
    chain.send("Bob", away)
    chain.send("Chloé", {"to": there, **in_timelock(dropped)})
    stays.follow()
    assert [both_say(chain, one) for one in (stays, dropped)] == [("canceled", State.CANCELED)] * 2
    (back,) = changes(chain, ("updateTimelock", "address", bytes.fromhex(there[2:])))  # type: ignore[arg-type]
    chain.send("Bob", back)
    stays.follow()
    assert both_say(chain, stays) == ("queued", State.READY)
    assert both_say(chain, dropped) == ("canceled", State.CANCELED)
    assert list(fsck(Community.objects.get(pk=community.pk))) == []
