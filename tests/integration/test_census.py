"""The census: complete before anybody votes, resumed wherever it was interrupted, provable, and never guessed."""

from datetime import timedelta

import pytest

from config import sweeper
from config.demo import chain
from governance import selectors, services
from governance.chain import ChainUnavailable, SnapshotReorged
from governance.eip712 import checksum_address
from governance.errors import Conflict, Invalid
from governance.evidence import block_tree, merkle
from governance.evidence.canonical import canonical_bytes
from governance.lifecycle import NotAllowed, State
from governance.models import CensusEntry, Proposal
from governance.power import SOURCES, Candidates
from governance.power.fixed_list import FixedList
from governance.selectors import trees
from governance.services import census, submission
from tests.integration import commons as commons_module
from tests.integration.commons import RULES, SECOND, charter_of_members, end_of, listed
from tests.integration.conftest import AGAINST, FOR, NOON, Voter, charter_with, opened, vote

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
HOUSE = {"Bob": 1, "Emma": 1, "Farid": 2}


class SlowList(FixedList):
    """A list that is read one member at a time, and breaks down where a test says so."""

    name = "slow_list"
    calls = 0
    breaks_at = 0

    def candidates(self, snapshot, start=0):
        self._work()
        everybody = super().candidates(snapshot).addresses
        following = start + 1 if start + 1 < len(everybody) else None
        return Candidates(everybody[start : start + 1], following)

    def powers_of(self, voters, snapshot):
        self._work()
        return super().powers_of(voters, snapshot)

    @classmethod
    def _work(cls):
        cls.calls += 1
        if cls.calls == cls.breaks_at:
            raise ChainUnavailable("it was switched off")


@pytest.fixture
def slow(list_community, monkeypatch):
    """A community with a second house, both read slowly: one member, one power at a time."""
    monkeypatch.setitem(SOURCES, SlowList.name, SlowList)
    monkeypatch.setattr(SlowList, "calls", 0)
    monkeypatch.setattr(SlowList, "breaks_at", 0)
    monkeypatch.setattr(census, "READ_AT_ONCE", 1)
    charter = charter_of_members(MEMBERS, {"standard": {"objection_bps": 5_000}}, house=HOUSE)
    charter["power"]["source"] = charter["house"]["source"] = SlowList.name
    return list_community(MEMBERS, charter=charter)


def leaves_of(proposal):
    """Return the entries in the order of the tree, made here from what the form says."""
    entries = sorted(proposal.census.all(), key=lambda entry: entry.voter.lower())
    return [
        canonical_bytes({"voter": e.voter, "power": str(e.power), "house_power": str(e.house_power)}) for e in entries
    ]


def check(proposal):
    """Recompute everything that the census record says."""
    body = proposal.census_record.body
    leaves = leaves_of(proposal)
    powers = list(proposal.census.values_list("power", "house_power"))
    assert body["root"] == merkle.root(leaves)
    assert body["count"] == len(leaves) == len(set(leaves))
    assert body["total"] == str(sum(power for power, _ in powers))
    assert int(body["total"]) <= proposal.total_supply
    assert body["house_total"] == str(sum(house for _, house in powers))
    assert all(power or house for power, house in powers), "who has nothing is not listed"
    assert proposal.census_record.value.parents == (proposal.record_id,)
    assert (body["opens_at"], body["closes_at"]) == tuple(
        int(moment.timestamp()) for moment in (proposal.opens_at, proposal.closes_at)
    )


def test_the_census_lists_both_houses_with_their_powers_and_its_root_recomputes(slow):
    proposal = slow.propose()
    proposal = services.take_census(proposal.pk, NOON)
    check(proposal)
    found = {entry.voter: (entry.power, entry.house_power) for entry in proposal.census.all()}
    assert found == {slow.address(name): (MEMBERS.get(name, 0), HOUSE.get(name, 0)) for name in {*MEMBERS, *HOUSE}}
    for index, leaf in enumerate(leaves_of(proposal)):
        proof = merkle.inclusion_proof(leaves_of(proposal), index)
        assert merkle.verify_inclusion(leaf, index, 6, proof, proposal.census_record.body["root"])


@pytest.mark.parametrize("per_page", [1, 4, 5, 6, 100])
def test_the_pages_of_a_census_are_its_entries_in_order_whatever_the_blocks_of_its_tree(slow, monkeypatch, per_page):
    for module in (block_tree, trees):
        monkeypatch.setattr(module, "LEAVES_PER_BLOCK", 2)
    proposal = services.take_census(slow.propose().pk, NOON)
    first, pages = selectors.census_page(proposal, 1, per_page)
    shown = [
        *first,
        *(entry for page in range(2, pages + 1) for entry in selectors.census_page(proposal, page, per_page)[0]),
    ]
    assert shown == sorted(proposal.census.all(), key=lambda entry: entry.voter.lower())
    assert len(shown) == 6
    assert pages == -(-6 // per_page)
    assert selectors.census_page(proposal, pages + 9, per_page) == selectors.census_page(proposal, pages, per_page)


def test_a_list_needs_no_chain_and_is_complete_when_the_proposal_is_submitted(list_community):
    proposal = list_community(MEMBERS).propose()
    assert proposal.census_at == NOON
    check(proposal)


def test_a_crash_between_any_two_steps_costs_a_step_and_changes_nothing(slow, monkeypatch):
    """The source fails at every call in turn; and at every call in turn nothing that was stored before survives."""
    whole = services.take_census(slow.propose(payload={"statement": "Whole."}).pk, NOON)
    calls, root = SlowList.calls, whole.census_record.body["root"]
    assert calls > 10
    services.cancel(whole.pk, slow.address("Alice"), "Done.", NOON)
    store = census._store
    for failure in range(2, calls + 1):
        for lost in (False, True):
            SlowList.calls, SlowList.breaks_at = 0, 0 if lost else failure
            stored = [0]

            def failing(proposal, rows, stored=stored, lost=lost, failure=failure):
                store(proposal, rows)
                stored[0] += 1
                if lost and stored[0] == failure:
                    raise ChainUnavailable("it was killed before the commit")

            monkeypatch.setattr(census, "_store", failing)
            proposal = slow.propose(payload={"statement": f"{failure} {lost}."})
            for _ in range(3):
                try:
                    proposal = services.take_census(proposal.pk, NOON)
                except ChainUnavailable:
                    continue
            assert proposal.census_at == NOON
            check(proposal)
            assert proposal.census_record.body["root"] == root
            assert [event.kind for event in proposal.events.all()].count("census_taken") == 1
            services.cancel(proposal.pk, slow.address("Alice"), "Done.", NOON)


def test_every_step_is_stored_with_the_place_to_go_on_from(slow):
    slow.propose()
    proposal = Proposal.objects.get()
    seen = [proposal.census_cursor]
    while proposal.census_at is None:
        proposal = services.take_census(proposal.pk, NOON, 1)
        seen.append(proposal.census_cursor)
    stages = [cursor["stage"] for cursor in seen if cursor]
    assert stages == sorted(stages, key=["candidates", "house", "read"].index)
    assert seen[-1] is None


def test_two_who_take_the_same_step_take_it_once(slow, monkeypatch):
    """A second sweeper goes on while the first one waits for its answer; the first one's is then dropped."""
    proposal = slow.propose()
    read, times = SlowList.powers_of, []

    def overtaken(self, voters, snapshot):
        found = read(self, voters, snapshot)
        times.append(1)
        if len(times) == 1:
            services.take_census(proposal.pk, NOON)
        return found

    monkeypatch.setattr(SlowList, "powers_of", overtaken)
    finished = services.take_census(proposal.pk, NOON + SECOND)
    assert finished.census_at == NOON
    check(finished)
    assert finished.events.filter(kind="census_taken").count() == 1


def test_a_late_census_opens_the_vote_later_and_for_as_long(slow):
    SlowList.breaks_at = 2
    proposal = slow.propose()
    planned = proposal.opens_at, proposal.closes_at
    late = proposal.closes_at + timedelta(seconds=7, microseconds=5)
    assert Proposal.objects.get().state(late) == State.PENDING, "it waits for its census however late it is"
    with pytest.raises(NotAllowed):
        services.close_voting(proposal.pk, late)
    taken = services.take_census(proposal.pk, late)
    assert taken.opens_at == late.replace(microsecond=0)
    assert taken.closes_at - taken.opens_at == planned[1] - planned[0]
    assert taken.state(late) == State.ACTIVE
    check(taken)
    body = taken.record.body
    assert body["opens_at"] == int(planned[0].timestamp()), "what was planned stays written"
    slow.vote(taken, "Alice", FOR, taken.closes_at - SECOND)


def test_a_census_in_time_changes_no_time(slow):
    proposal = slow.propose()
    planned = proposal.opens_at, proposal.closes_at
    taken = services.take_census(proposal.pk, proposal.opens_at)
    assert (taken.opens_at, taken.closes_at) == planned


def test_nobody_votes_before_the_census_is_complete(slow):
    proposal = slow.propose()
    with pytest.raises(NotAllowed):
        slow.vote(proposal, "Alice", FOR)
    taken = services.take_census(proposal.pk, NOON)
    slow.vote(taken, "Alice", FOR)


def test_a_proposal_that_is_withdrawn_while_its_census_is_read_stays_without(slow, monkeypatch):
    proposal = slow.propose()
    read = SlowList.powers_of

    def withdrawn(self, voters, snapshot):
        services.cancel(proposal.pk, slow.address("Alice"), "A mistake.", NOON)
        monkeypatch.setattr(SlowList, "powers_of", read)
        return read(self, voters, snapshot)

    monkeypatch.setattr(SlowList, "powers_of", withdrawn)
    with pytest.raises(NotAllowed):
        services.take_census(proposal.pk, NOON)
    assert Proposal.objects.get().census_at is None
    assert Proposal.objects.get().events.first().kind == "proposal_canceled"


def test_powers_that_exceed_the_supply_are_a_lie_and_hold_the_proposal(list_community, monkeypatch):
    class Liar(FixedList):
        name = "liar"

        def powers_of(self, voters, snapshot):
            return {voter: 2 * power for voter, power in super().powers_of(voters, snapshot).items()}

    monkeypatch.setitem(SOURCES, Liar.name, Liar)
    charter = charter_of_members(MEMBERS)
    charter["power"]["source"] = Liar.name
    commons = list_community(MEMBERS, charter=charter)
    proposal = commons.propose()
    assert proposal.census_at is None, "it was submitted, and waits"
    with pytest.raises(Conflict) as refusal:
        services.take_census(proposal.pk, NOON)
    assert refusal.value.code == "census_exceeds_supply"
    assert Proposal.objects.get().state(proposal.closes_at) == State.PENDING


def test_a_member_of_the_second_house_without_tokens_votes_there_alone(list_community):
    commons = list_community(MEMBERS, tiers={"standard": {"objection_bps": 5_000}}, house=HOUSE)
    proposal = commons.propose()
    check(proposal)
    ballot = commons.vote(proposal, "Emma", AGAINST)
    assert (ballot.power, ballot.house_power) == (0, 1)
    with pytest.raises(Invalid) as refusal:
        commons.vote(proposal, "Gaëlle", FOR)
    assert refusal.value.code == "no_voting_power"


def test_a_second_house_without_a_say_is_not_in_the_census(list_community):
    commons = list_community(MEMBERS, house=HOUSE)
    proposal = commons.propose()
    assert proposal.record.body["snapshot"]["house"] is None
    assert not CensusEntry.objects.filter(voter=commons.address("Emma")).exists()
    with pytest.raises(Invalid):
        commons.vote(proposal, "Emma", AGAINST)


def test_two_houses_that_only_differ_in_who_they_list_are_two_snapshots(list_community):
    commons = list_community(MEMBERS, tiers={"standard": {"objection_bps": 5_000}}, house=HOUSE)
    snapshot = commons.propose().record.body["snapshot"]
    assert snapshot["house"]["block_hash"] != snapshot["block_hash"]
    assert snapshot["house"]["source"]["parameters"] == listed(HOUSE)["parameters"]


# --- on a chain ---------------------------------------------------------------------------------------------------


@pytest.fixture
def own(list_community, settings):
    """A chain of this test's own, with a community on its token."""
    with chain.start() as running:
        token = chain.prepare(running.rpc_url)
        settings.CHAIN_RPC = running.rpc_url
        rules = charter_with(token, {"standard": RULES})
        founded = commons_module.found(NOON, {}, charter=rules)
        founded.members = {m.name: Voter(m.name, m.address, running.rpc_url) for m in token.members}
        yield running, token, founded


def test_tokens_that_are_bought_after_the_snapshot_do_not_vote_and_a_dropped_block_is_not_counted(own, monkeypatch):
    """T1 and T10: a flash loan has no power here; a vote on a block that is gone is held, never counted anew."""
    running, token, commons = own
    proposal = commons.propose()
    buyer = Voter("Buyer", checksum_address(chain.rpc(running.rpc_url, "eth_accounts")[8]), running.rpc_url)
    amount = 300_000 * chain.UNIT
    data = f"0xa9059cbb{int(buyer.address, 16):064x}{amount:064x}"
    chain.send_transaction(running.rpc_url, {"from": commons.address("Alice"), "to": token.address, "data": data})
    chain.delegate(running.rpc_url, token.address, buyer.address, buyer.address)
    chain.finalize(running.rpc_url)
    with pytest.raises(Invalid) as refusal:
        services.offer_ballot(proposal, buyer.address.lower(), FOR, "", opened(proposal))
    assert (refusal.value.code, refusal.value.status) == ("no_voting_power", 422)
    ballot = vote(proposal, commons.members["Alice"], FOR)
    assert ballot.power == 400_000 * chain.UNIT, "what was sold after the snapshot still votes here"
    check(proposal)

    newest = int(chain.rpc(running.rpc_url, "eth_blockNumber"), 16)
    chain.rpc(running.rpc_url, "anvil_reorg", [newest - proposal.snapshot_block + 1, []])
    end = end_of(proposal)
    with pytest.raises(SnapshotReorged):
        services.close_voting(proposal.pk, end)
    monkeypatch.setattr(sweeper, "clock", lambda: end)
    for _ in range(2):
        sweeper.sweep()
    held = Proposal.objects.get(pk=proposal.pk)
    assert (held.passed, held.tally_record, held.state(end)) == (None, None, State.CLOSING)
    assert held.events.filter(kind="snapshot_reorged").count() == 1
    assert services.cancel(proposal.pk, commons.address("Alice"), "Again, on another block.", end).canceled_at


def test_a_chain_that_does_not_answer_delays_the_census_and_counts_nobody_as_zero(own, settings, client):
    running, _, commons = own
    drafted = commons.draft()
    settings.CHAIN_TIMEOUT_SECONDS = 1
    take = submission.take_census

    def switched_off(*arguments):
        settings.CHAIN_RPC = "http://127.0.0.1:9"
        try:
            return take(*arguments)
        finally:
            settings.CHAIN_RPC = running.rpc_url

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submission, "take_census", switched_off)
        proposal = services.submit(drafted.pk, commons.address("Alice"), NOON)
    assert (proposal.state(opened(proposal)), proposal.census.count()) == (State.PENDING, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeper, "clock", lambda: NOON)
        settings.CHAIN_RPC = "http://127.0.0.1:9"
        for _ in range(2):
            sweeper.sweep()
        page = client.get(f"/c/{proposal.community.slug}/proposals/{proposal.number}/").content.decode()
        settings.CHAIN_RPC = running.rpc_url
    assert "The next step is held up" in page
    assert "The chain does not answer at the moment." in page
    assert proposal.events.filter(kind="chain_silent").count() == 1, "a sweeper that repeats itself fills the log"

    taken = services.take_census(proposal.pk, NOON)
    check(taken)
    assert taken.census.count() == 4, "Emma has delegated everything and is not listed"
