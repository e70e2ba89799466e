"""What the numbers of a Governor were at a place of its chain, from the changes that it said itself.

The numbers at the last block that was read are asked of the chain, at that very block; every later change is undone.
Nothing here decides what follows from them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from governance.chain import ChainAnswerInvalid, ChainReader, governor
from governance.models import Contract, ContractEvent
from governance.onchain.numbers import Change, Numbers, before

# The rule by its name in `numbers`, and the function of the Governor that says it.
_FUNCTIONS = {
    "voting_delay": "votingDelay",
    "voting_period": "votingPeriod",
    "late_quorum_extension": "lateQuorumVoteExtension",
    "proposal_threshold": "proposalThreshold",
    "quorum_bps": "quorumNumerator",
}
_DELAY = "timelock_delay"


def numbers_at(contract: Contract, event: ContractEvent, chain: ChainReader) -> Numbers:
    """Return the Governor's numbers when it said this."""
    place = place_of(event)
    timelock = timelock_at(contract, place)
    now = {rule: _read(chain, contract, contract.governor, name) for rule, name in _FUNCTIONS.items()}
    now[_DELAY] = _read(chain, contract, timelock, "getMinDelay")
    return before(_changes(contract, timelock), place, now)


def timelock_at(contract: Contract, place: tuple[int, int]) -> str:
    """Return which timelock the Governor had at a place."""
    for change in contract.events.filter(kind="timelock"):
        if place_of(change) > place:
            return str(change.data["before"])
    return contract.timelock


def timelocks_of(contract: Contract) -> list[str]:
    """Return every timelock that the Governor has had since reading began."""
    named = [contract.timelock]
    for change in contract.events.filter(kind="timelock"):
        named += [change.data["before"], change.data["after"]]
    return list(dict.fromkeys(named))


def quorum_bps_at(contract: Contract, moment: int, chain: ChainReader) -> int:
    """Return the share of the supply that a vote with this snapshot takes; the Governor remembers it."""
    data = governor.call("quorumNumerator", ("uint256",), (moment,))
    return _number(chain.read(contract.governor, data, contract.block_hash), "quorumNumerator")


def place_of(event: ContractEvent) -> tuple[int, int]:
    """Return where in the chain an event stands."""
    return event.block_number, event.position


def time_of(event: ContractEvent) -> datetime:
    """Return when an event was said, by its block."""
    return datetime.fromtimestamp(event.block_time, UTC)


def _changes(contract: Contract, timelock: str) -> Iterator[Change]:
    for event in contract.events.filter(kind="number"):
        said = event.data
        if said["rule"] != _DELAY or said["of"] == timelock:
            yield Change(said["rule"], int(said["before"]), int(said["after"]), place_of(event))


def _read(chain: ChainReader, contract: Contract, address: str, name: str) -> int:
    return _number(chain.read(address, governor.call(name, (), ()), contract.block_hash), name)


def _number(answer: str | None, name: str) -> int:
    try:
        return int(answer or "", 16)
    except ValueError as error:
        raise ChainAnswerInvalid(f"a number is needed of {name}, {answer!r} found") from error
