"""Random lives of a community through its real API: whatever members, guardians and time do, the laws hold.

After every step: nobody counts twice or more than there is, nothing is carried out before its time, what has ended
stays ended, the log only grows, and no request is answered with a defect. At the end of each life every audit bundle is
recounted as a stranger would, and the whole database is held against the log.
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
from governance import fsck, log, services
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
split = st.fixed_dictionaries({"0": st.integers(0, 45), "1": st.integers(0, 45)})
shares = st.fixed_dictionaries({"1": st.integers(1, 9), "2": st.integers(0, 9)})
CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "governor": st.sampled_from([1, 1, 0, 2]),
    "basic": st.sampled_from([1, 1, 2, 3]),
    "fractional": st.sampled_from([1, 0]) | split,
    "single-choice": st.integers(1, 3),
    "approval": ranking.map(lambda order: order[:2]),
    "weighted": shares,
    "quadratic": shares,
    "ranked-choice": ranking,
    "copeland": ranking,
    "stv": ranking.map(lambda order: order[:2]),
}
ANY_CHOICE = st.one_of(st.integers(0, 300), *CHOICES.values())
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

    @initialize(steps=st.sampled_from([0, 2, 8]), with_council=st.sampled_from([True, True, False]))
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

    @rule(target=proposals, author=members, kind=st.sampled_from(tuple(CONTENT)), data=st.data())
    def propose(self, author, kind, data):
        """Write a draft that should be all right, and submit it at once."""
        payload, methods = CONTENT[kind]
        content = {
            "kind": kind,
            "title": f"A {kind}",
            "payload": payload,
            "method": data.draw(st.sampled_from(methods)),
        }
        written = self.call("post", "drafts", {"community": "gardens", **content}, author)
        if written.status_code != 201:
            return multiple()
        answer = self.call("post", f"drafts/{written.json()['draft']}/submit", {}, author)
        return self.submitted(answer.json()) if answer.status_code == 201 else multiple()

    def submitted(self, answer: dict[str, Any]) -> tuple[str, str, str]:
        """Return what the other rules need to know of a proposal: id, author, method."""
        return (
            answer["id"],
            {self.commons.address(name): name for name in EVERYBODY}[answer["author"]],
            answer["method"],
        )

    @rule(
        target=drafts,
        author=people,
        kind=st.sampled_from(tuple(CONTENT)),
        method=st.text(max_size=3),
        seats=st.integers(-1, 3),
    )
    def write(self, author, kind, method, seats):
        content = {"kind": kind, "title": f"A {kind}", "payload": CONTENT[kind][0], "method": method, "seats": seats}
        answer = self.call("post", "drafts", {"community": "gardens", **content}, author)
        return (answer.json()["draft"], author) if answer.status_code == 201 else multiple()

    @rule(target=proposals, draft=drafts, actor=people)
    def submit(self, draft, actor):
        for name in (actor, draft[1]):
            answer = self.call("post", f"drafts/{draft[0]}/submit", {}, name)
            if answer.status_code == 201:
                assert name == draft[1], "only authors submit"
                return self.submitted(answer.json())
        return multiple()

    @rule(draft=drafts, sponsor=people)
    def back(self, draft, sponsor):
        self.call("post", f"drafts/{draft[0]}/seek-sponsors", {}, draft[1])
        wallet = self.commons.wallet(sponsor)
        path = f"drafts/{draft[0]}/sponsorship-message?{query(sponsor=wallet.address)}"
        offer = self.call("get", path)
        if offer.status_code == 200:
            signature = wallet.sign(offer.json()["typed_data"])
            self.call("post", f"drafts/{draft[0]}/sponsors", {"sponsor": wallet.address, "signature": signature})

    @rule(target=sent, proposal=proposals, voter=people, data=st.data())
    def vote(self, proposal, voter, data):
        return self.cast(proposal, voter, data.draw(CHOICES[proposal[2]]))

    @rule(target=sent, proposal=proposals, voter=people, choice=ANY_CHOICE)
    def vote_at_random(self, proposal, voter, choice):
        return self.cast(proposal, voter, choice)

    @rule(proposal=proposals, data=st.data())
    def all_vote(self, proposal, data):
        """Several members vote as soon as it is open; the sweeper has taken the census meanwhile."""
        self.until(proposal, "opens_at", sweeps=3)
        for voter in data.draw(st.lists(people, unique=True, min_size=2)):
            self.cast(proposal, voter, data.draw(CHOICES[proposal[2]]))

    def cast(self, proposal: tuple[str, str, str], voter: str, choice: Any) -> Any:
        """Ask for the message, sign it and send it; return what was sent and its digest, if it was possible."""
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

    @rule(
        proposal=proposals,
        guardians=st.lists(st.sampled_from(["Bob", "Chloé", "Daouda"]), min_size=1),
        action=st.sampled_from(["veto", "pause"]),
    )
    def guard(self, proposal, guardians, action):
        """Let guardians speak as soon as there is a decision."""
        self.until(proposal, "closes_at", sweeps=3)
        for name in guardians:
            self.call("post", f"proposals/{proposal[0]}/{action}", {"reason": "We should wait."}, name)

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

    @rule(seconds=st.sampled_from([1, 20, 60, 300]), sweeps=st.integers(0, 2))
    def wait(self, seconds, sweeps):
        self.now += timedelta(seconds=seconds)
        for _ in range(sweeps):
            sweeper.sweep()

    @rule(
        proposal=proposals,
        moment=st.sampled_from(["opens_at", "closes_at", "closes_at", "eta", "eta", "paused_until", "expires_at"]),
        early=st.booleans(),
        sweeps=st.integers(0, 3),
    )
    def wait_for(self, proposal, moment, early, sweeps):
        """Wait for one of the moments of a proposal, or the second before it."""
        self.until(proposal, moment, early=early, sweeps=sweeps)

    def until(self, proposal: tuple[str, str, str], moment: str, *, early: bool = False, sweeps: int = 0) -> None:
        """Let time pass until a moment of a proposal, if it is ahead; sweep then."""
        found = getattr(Proposal.objects.get(record_id=proposal[0][2:]), moment)
        if found is not None:
            self.now = max(self.now, found - timedelta(seconds=early))
        for _ in range(sweeps):
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
        if len(texts) == len(self.leaves):
            return
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
            for community in Community.objects.select_related("record", "charter"):
                assert list(fsck.check_one(community)) == []
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
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
