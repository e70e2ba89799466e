"""Random lives of a community through its real API: whatever members, guardians and time do, the laws hold.

After every step: nobody counts twice or more than there is, nothing is carried out before its time, what has ended
stays ended, the log only grows, and no request is answered with a defect. At the end of each life every audit bundle is
recounted as a stranger would.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from config import sweeper
from governance import log, services
from governance.evidence import checkpoint, log_tree, merkle
from governance.lifecycle import TERMINAL, State
from governance.models import Account, Ballot, Checkpoint, Community, Event, Proposal
from governance.services import census, submission
from tests.integration import commons as commons_module
from tests.integration.commons import charter_of_members, recounted
from tests.integration.conftest import NOON, RULE, query

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
# Emma has a voice in the second house alone, Mallory has none anywhere.
HOUSE = {"Bob": 1, "Daouda": 1, "Emma": 1}
EVERYBODY = (*MEMBERS, "Emma", "Mallory")
TIERS = {
    "standard": {"late_quorum_seconds": 30, "super_quorum_bps": 7_000, "cool_down_seconds": 300},
    "grave": {"objection_bps": 5_000, "quorum_basis": "delegated", "late_quorum_seconds": 100},
    "light": {"rejection_bps": 2_500, "execution_window_seconds": 120},
}
KINDS = {"governance_rules": "grave", "ethics_rule": "light"}

people = st.sampled_from(EVERYBODY)
members = st.sampled_from(tuple(MEMBERS))
ranking = st.permutations([1, 2, 3]).map(list)
CONTENT: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "text_signal": ({"statement": "Yes."}, ("", "governor", "basic", "fractional", "stv")),
    "poll": (
        {"question": "Which?", "choices": ["Spring", "River", "Well"]},
        ("single-choice", "approval", "weighted", "quadratic", "ranked-choice", "copeland", "stv", "basic"),
    ),
    "ethics_rule": (RULE, ("", "fractional")),
    "governance_rules": (
        {"charter": charter_of_members(MEMBERS, {**TIERS, "light": TIERS["standard"]}, KINDS, HOUSE)},
        ("governor", "basic", "fractional"),
    ),
}
CHOICES = st.one_of(
    st.integers(0, 4),
    ranking,
    ranking.map(lambda order: order[:2]),
    st.fixed_dictionaries({"1": st.integers(1, 9), "2": st.integers(0, 9)}),
    st.fixed_dictionaries({"0": st.integers(0, 45), "1": st.integers(0, 45)}),
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5) | st.just("0x" + "0" * 64),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


class LifeOfACommunity(RuleBasedStateMachine):
    """One life of a community. All that it does to it goes through the API, the sweeper and the clock."""

    drafts = Bundle("drafts")
    proposals = Bundle("proposals")
    sent = Bundle("sent")
    patch: pytest.MonkeyPatch

    def __init__(self) -> None:
        """Begin a transaction that the end of this life takes back."""
        super().__init__()
        self.undo = transaction.atomic()
        # As Django's own TestCase: what must be durable may be inside, because nothing of this is meant to last.
        self.undo._from_testcase = True
        self.undo.__enter__()
        self.now: datetime = NOON
        self.patch.setattr("governance.clock.now", lambda: self.now)
        self.patch.setattr(sweeper, "clock", lambda: self.now)
        self.counted: dict[tuple[str, str], Any] = {}
        self.ended: dict[int, State] = {}
        self.frozen: dict[int, tuple[Any, ...]] = {}
        self.leaves: list[str] = []

    @initialize(steps=st.sampled_from([0, 2, 8]), with_council=st.booleans())
    def found(self, steps, with_council):
        """Found the community; its census may need several sweeps."""
        charter = charter_of_members(MEMBERS, TIERS, KINDS, HOUSE, pause_seconds_max=60)
        self.commons = commons_module.found(NOON, MEMBERS, charter=charter)
        if with_council:
            self.patch.setattr(submission, "STEPS_AT_SUBMISSION", 8)
            self.commons.elect("Bob", "Chloé", "Daouda", seats=2, now=NOON, term_days=1)
            self.now += timedelta(seconds=150)
        self.patch.setattr(submission, "STEPS_AT_SUBMISSION", steps)
        self.patch.setattr(census, "READ_AT_ONCE", 3)
        self.clients = {name: Client() for name in EVERYBODY}
        for name, client in self.clients.items():
            client.force_login(Account.objects.create(address=self.commons.address(name)))

    def call(self, method: str, path: str, body: Any = None, by: str = "Mallory") -> Any:
        """Make a request; a defect raises here, and any other answer says what it is."""
        data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(self.clients[by], method)(f"/api/v1/{path}", **data)
        assert answer.status_code < 500, (path, body, answer.content)
        return answer

    # --- what people do -------------------------------------------------------------------------------------------

    @rule(
        target=drafts,
        author=people,
        kind=st.sampled_from(tuple(CONTENT)),
        data=st.data(),
        seats=st.sampled_from([1, 1, 1, 0, 2]),
    )
    def write(self, author, kind, data, seats):
        payload, methods = CONTENT[kind]
        method = data.draw(st.sampled_from(methods))
        content = {"kind": kind, "title": f"A {kind}", "payload": payload, "method": method, "seats": seats}
        answer = self.call("post", "drafts", {"community": "gardens", **content}, author)
        return (answer.json()["draft"], author) if answer.status_code == 201 else multiple()

    @rule(target=proposals, draft=drafts, somebody_else=st.none() | people)
    def submit(self, draft, somebody_else):
        answer = self.call("post", f"drafts/{draft[0]}/submit", {}, somebody_else or draft[1])
        return (answer.json()["id"], draft[1]) if answer.status_code == 201 else multiple()

    @rule(draft=drafts, sponsor=people)
    def back(self, draft, sponsor):
        self.call("post", f"drafts/{draft[0]}/seek-sponsors", {}, draft[1])
        wallet = self.commons.wallet(sponsor)
        path = f"drafts/{draft[0]}/sponsorship-message?{query(sponsor=wallet.address)}"
        offer = self.call("get", path)
        if offer.status_code == 200:
            signature = wallet.sign(offer.json()["typed_data"])
            self.call("post", f"drafts/{draft[0]}/sponsors", {"sponsor": wallet.address, "signature": signature})

    @rule(target=sent, proposal=proposals, voter=people, choice=CHOICES)
    def vote(self, proposal, voter, choice):
        wallet = self.commons.wallet(voter)
        asked = query(voter=wallet.address, choice=json.dumps(choice))
        offer = self.call("get", f"proposals/{proposal[0]}/ballot-message?{asked}")
        if offer.status_code != 200:
            return multiple()
        body = {
            "proposal": proposal[0],
            "voter": wallet.address,
            "choice": choice,
            "nonce": offer.json()["nonce"],
            "signature": wallet.sign(offer.json()["typed_data"]),
        }
        answer = self.call("post", "ballots", body)
        assert answer.status_code == 201, "what was offered is accepted"
        self.counted[proposal[0], wallet.address] = choice
        return body, answer.json()["receipt"]["digest"]

    @rule(ballot=sent)
    def replay(self, ballot):
        answer = self.call("post", "ballots", ballot[0])
        assert (answer.status_code, answer.json()["receipt"]["digest"]) == (200, ballot[1])

    @rule(ballot=sent, proposal=proposals, field=st.sampled_from(["choice", "nonce", "proposal", "voter"]))
    def forge(self, ballot, proposal, field):
        """Send a ballot on with one field changed: no signature covers it."""
        other = {"choice": 2, "nonce": 99, "proposal": proposal[0], "voter": self.commons.address("Mallory")}[field]
        if ballot[0][field] != other:
            assert self.call("post", "ballots", {**ballot[0], field: other}).status_code in {400, 409, 422}

    @rule(
        giver=members,
        receiver=people,
        share=st.sampled_from([0, 3_333, 5_000, 10_000]),
        topic=st.sampled_from(["", "", "poll", "text_signal"]),
        lasts=st.sampled_from([0, 0, 60, 600]),
    )
    def lend(self, giver, receiver, share, topic, lasts):
        wallet, to = self.commons.wallet(giver), self.commons.address(receiver)
        expires_at = int(self.now.timestamp()) + lasts if lasts else 0
        values = {"delegate": to, "topic": topic, "share_bps": share, "expires_at": expires_at}
        asked = query(delegator=wallet.address, **values)
        offer = self.call("get", f"communities/gardens/delegation-message?{asked}")
        if offer.status_code == 200:
            signed = {"nonce": offer.json()["nonce"], "signature": wallet.sign(offer.json()["typed_data"])}
            body = {"delegator": wallet.address, **values, **signed}
            assert self.call("post", "communities/gardens/delegations", body).status_code == 201
            assert self.call("post", "communities/gardens/delegations", body).status_code == 200

    @rule(proposal=proposals, actor=people, action=st.sampled_from(["cancel", "veto", "veto", "pause", "pause"]))
    def stop(self, proposal, actor, action):
        answer = self.call("post", f"proposals/{proposal[0]}/{action}", {"reason": "It is better so."}, actor)
        if action == "cancel" and answer.status_code == 200:
            assert actor == proposal[1]

    @rule(proposal=proposals)
    def withdraw(self, proposal):
        self.call("post", f"proposals/{proposal[0]}/cancel", {"reason": "It was a mistake."}, proposal[1])

    @rule(proposal=proposals, actor=people)
    def execute(self, proposal, actor):
        self.call("post", f"proposals/{proposal[0]}/execute", {}, actor)

    @rule(
        path=st.sampled_from(["ballots", "drafts", "drafts/1/sponsors", "communities/gardens/delegations"]),
        body=JUNK,
        by=people,
    )
    def send_junk(self, path, body, by):
        assert self.call("post", path, body, by).status_code >= 400

    @rule(state=st.sampled_from(tuple(State)), proposal=proposals)
    def look(self, state, proposal):
        for path in (f"proposals?state={state}", f"proposals/{proposal[0]}", f"proposals/{proposal[0]}/ballots"):
            assert self.call("get", path).status_code == 200

    # --- what time does -------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 1, 5, 20, 30, 60, 100, 110, 1_000]))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(seconds=st.sampled_from([10, 30, 100]), sweeps=st.integers(1, 3))
    def wait_and_sweep(self, seconds, sweeps):
        self.now += timedelta(seconds=seconds)
        for _ in range(sweeps):
            self.sweep()

    @rule()
    def sweep(self):
        sweeper.sweep()

    # --- the laws -------------------------------------------------------------------------------------------------

    @invariant()
    def nobody_counts_twice_or_more_than_there_is(self):
        for proposal in Proposal.objects.filter(census_at__isnull=False).select_related("record", "census_record"):
            weights = services.count_so_far(proposal).weights
            assert sum(weights.values()) <= int(proposal.census_record.body["total"]) <= proposal.total_supply
        counting = list(Ballot.objects.filter(superseded_at__isnull=True).select_related("proposal"))
        voters = [(ballot.proposal.public_id, ballot.voter) for ballot in counting]
        assert len(voters) == len(set(voters))
        for ballot in counting:
            expected = self.counted.get((ballot.proposal.public_id, ballot.voter), ballot.choice)
            assert ballot.choice == expected, "the newest ballot counts"
            assert ballot.proposal.opens_at <= ballot.cast_at < ballot.proposal.closes_at

    @invariant()
    def nothing_is_carried_out_before_its_time(self):
        for proposal in Proposal.objects.filter(executed_at__isnull=False):
            rules = proposal.rules
            assert proposal.passed is True
            assert proposal.canceled_at is proposal.vetoed_at is None
            assert proposal.decided_at <= proposal.queued_at
            assert proposal.queued_at + timedelta(seconds=rules["timelock_seconds"]) == proposal.eta
            assert proposal.eta <= proposal.executed_at < proposal.expires_at
            assert proposal.paused_until is None or proposal.paused_until <= proposal.executed_at

    @invariant()
    def what_has_ended_stays_ended(self):
        for proposal in Proposal.objects.all():
            state = proposal.state(self.now)
            if proposal.pk in self.ended:
                assert state == self.ended[proposal.pk]
            elif state in TERMINAL:
                self.ended[proposal.pk] = state

    @invariant()
    def what_was_frozen_stays_frozen(self):
        names = ("record_id", "rules", "payload", "choices", "seats", "snapshot_hash", "total_supply", "tier")
        for proposal in Proposal.objects.filter(submitted_at__isnull=False):
            found = tuple(getattr(proposal, name) for name in names)
            assert self.frozen.setdefault(proposal.pk, found) == found

    @invariant()
    def the_log_only_grows(self):
        community = Community.objects.filter(slug="gardens").first()
        if community is None:
            return
        leaves = list(Event.objects.filter(community=community).order_by("position").values_list("position", "leaf"))
        assert [position for position, _ in leaves] == list(range(community.log_size))
        texts = [leaf for _, leaf in leaves]
        assert texts[: len(self.leaves)] == self.leaves, "what was written is not written anew"
        self.leaves = texts
        read, size = log.reader(community.pk), community.log_size
        newest = log_tree.root(size, read)
        assert newest == merkle.root(leaf.encode() for leaf in texts)
        for published in Checkpoint.objects.filter(community=community):
            signed = checkpoint.open_note(published.note, log.origin_of(community), community.release_key)
            proof = log_tree.consistency_proof(signed.size, size, read)
            assert merkle.verify_consistency(signed.size, size, proof, signed.root, newest)

    def teardown(self):
        """Recount everything as a stranger would; then take it all back."""
        try:
            for proposal in Proposal.objects.filter(census_at__isnull=False):
                recounted(proposal)
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_the_laws_hold_in_every_life_of_a_community(db, settings, monkeypatch):
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    monkeypatch.setattr(LifeOfACommunity, "patch", monkeypatch, raising=False)
    run_state_machine_as_test(LifeOfACommunity, settings=BOUNDED)


BOUNDED = settings(
    max_examples=25,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
