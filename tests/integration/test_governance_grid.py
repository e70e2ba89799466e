"""Every state against every action, through the real services: what the table allows is done, all else changes nothing.

Services that are safe to repeat answer as before where their fact exists already; that changes nothing either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps

from governance import services
from governance.errors import Forbidden
from governance.lifecycle import ALLOWED, Action, NotAllowed, State
from governance.models import Proposal
from governance.services import submission
from tests.integration.commons import Commons, end_of
from tests.integration.conftest import NOON

LATER = NOON + timedelta(days=1)
# The fact that makes repeating an action a question that was answered before.
ALREADY = {
    Action.TAKE_CENSUS: "census_at",
    Action.CLOSE_EARLY: "passed",
    Action.CLOSE_VOTING: "passed",
    Action.QUEUE: "eta",
    Action.EXECUTE: "executed_at",
}


@dataclass
class World:
    """A community with a council of three, and one proposal in the state that is looked at."""

    commons: Commons
    proposal: Proposal
    now: datetime

    def reload(self) -> Proposal:
        """Return the proposal as it is stored."""
        return Proposal.objects.get(pk=self.proposal.pk)


@pytest.fixture
def reach(list_community, monkeypatch) -> Callable[[State], World]:
    """Lead a proposal to a state, by nothing but services and time."""

    def lead(state: State) -> World:
        commons = list_community(tiers={"standard": {"super_quorum_bps": 6_000}})
        commons.elect("Bob", "Chloé", "Daouda", "Emma", seats=3, now=NOON)
        drafted = commons.draft(now=LATER)
        services.seek_sponsors(drafted.pk, commons.address("Alice"), LATER)
        proposal, moment = (
            (drafted, LATER) if state == State.DRAFT else _submitted(commons, drafted, state, monkeypatch)
        )
        world = World(commons, proposal, moment)
        assert world.reload().state(moment) == state
        return world

    return lead


def _submitted(commons: Commons, drafted: Proposal, state: State, monkeypatch: Any) -> tuple[Proposal, datetime]:
    """Go on from a draft to any later state; return the proposal and the moment."""
    alice, bob, chloe = (commons.address(name) for name in ("Alice", "Bob", "Chloé"))
    if state == State.PENDING:
        monkeypatch.setattr(submission, "STEPS_AT_SUBMISSION", 0)
    proposal = services.submit(drafted.pk, alice, LATER)
    if state == State.PENDING:
        return proposal, LATER
    choice = 0 if state == State.DEFEATED else 1
    for name in ("Alice", "Bob"):
        commons.vote(proposal, name, choice)
    opened, closed = proposal.opens_at + timedelta(seconds=50), end_of(proposal)
    if state == State.ACTIVE:
        return proposal, opened
    if state == State.CANCELED:
        return services.cancel(proposal.pk, alice, "A mistake.", opened), opened
    if state == State.CLOSING:
        return proposal, closed
    proposal = services.close_voting(proposal.pk, closed)
    if state in {State.DEFEATED, State.SUCCEEDED}:
        return proposal, closed
    proposal = services.queue(proposal.pk, closed)
    eta, expires = proposal.eta, proposal.expires_at
    if state == State.PAUSED:
        services.pause(proposal.pk, bob, "Wait.", closed)
    if state == State.VETOED:
        services.veto(proposal.pk, bob, "Never.", closed)
        services.veto(proposal.pk, chloe, "Never.", closed)
    if state == State.EXECUTED:
        services.execute(proposal.pk, eta)
    return proposal, {State.QUEUED: closed, State.EXPIRED: expires}.get(state, eta)


def edit(world: World) -> object:
    new = services.Draft("text_signal", "Another title", "", {"statement": "No."}, {})
    return services.edit_draft(world.proposal.pk, world.commons.address("Alice"), new, world.now)


def sponsor(world: World) -> object:
    return world.commons.sponsor(world.proposal, "Chloé", world.now)


def submit(world: World) -> object:
    return services.submit(world.proposal.pk, world.commons.address("Alice"), world.now)


def vote(world: World) -> object:
    """Cast a ballot that is signed by all the rules; only the state can forbid it."""
    from governance import eip712

    community, voter = world.commons.community, world.commons.wallet("Daouda")
    if world.reload().state(world.now) in {State.ACTIVE, State.DRAFT}:  # a draft has nothing that could be signed
        return world.commons.vote(world.proposal, "Daouda", 1, world.now)
    fields = {"proposal": world.proposal.public_id, "voter": voter.address, "choice": 1, "reason": "", "nonce": 1}
    place = {"chain_id": community.chain_id, "token": community.token}
    message = eip712.ballot_message(**place, instance=community.instance, community=community.slug, **fields)
    return services.cast_ballot(services.BallotRequest(**fields, signature=voter.sign(message)), world.now)


def by_time(service: Callable[..., object]) -> Callable[[World], object]:
    return lambda world: service(world.proposal.pk, world.now)


def by(name: str, service: Callable[..., object]) -> Callable[[World], object]:
    return lambda world: service(world.proposal.pk, world.commons.address(name), "A reason.", world.now)


SERVICES: dict[Action, Callable[[World], object]] = {
    Action.EDIT: edit,
    Action.SPONSOR: sponsor,
    Action.SUBMIT: submit,
    Action.TAKE_CENSUS: by_time(services.take_census),
    Action.VOTE: vote,
    Action.CLOSE_EARLY: by_time(services.close_early),
    Action.CLOSE_VOTING: by_time(services.close_voting),
    Action.QUEUE: by_time(services.queue),
    Action.EXECUTE: by_time(services.execute),
    Action.CANCEL: by("Alice", services.cancel),
    Action.VETO: by("Daouda", services.veto),
    Action.PAUSE: by("Daouda", services.pause),
}


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table of governance."""
    models = apps.get_app_config("governance").get_models(include_auto_created=True)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def test_every_action_has_its_service():
    assert SERVICES.keys() == set(Action) == ALLOWED.keys()


@pytest.mark.parametrize("state", State)
def test_what_the_state_forbids_is_refused_with_both_sides_and_changes_nothing(reach, state):
    world = reach(state)
    before = everything()
    for action in Action:
        if state in ALLOWED[action]:
            continue
        if action in ALREADY and getattr(world.reload(), ALREADY[action]) is not None:
            SERVICES[action](world)
        else:
            with pytest.raises(NotAllowed) as refusal:
                SERVICES[action](world)
            assert (refusal.value.action, refusal.value.found) == (action, state)
            assert set(refusal.value.allowed) == ALLOWED[action]
        assert everything() == before, f"{action} while {state}"


ACCEPTED = [(state, action) for action in Action for state in State if state in ALLOWED[action]]
AFTER = {
    Action.EDIT: State.DRAFT,
    Action.SPONSOR: State.DRAFT,
    Action.SUBMIT: State.PENDING,
    Action.TAKE_CENSUS: State.PENDING,
    Action.VOTE: State.ACTIVE,
    Action.CLOSE_EARLY: State.SUCCEEDED,
    Action.CLOSE_VOTING: State.SUCCEEDED,
    Action.QUEUE: State.QUEUED,
    Action.EXECUTE: State.EXECUTED,
    Action.CANCEL: State.CANCELED,
}


@pytest.mark.parametrize(("state", "action"), ACCEPTED, ids=str)
def test_what_the_state_allows_is_done_and_stands_in_the_log(reach, state, action):
    world = reach(state)
    size = world.proposal.events.count()
    SERVICES[action](world)
    assert world.proposal.events.count() > size
    after = world.reload().state(world.now)
    if action == Action.PAUSE:
        assert after == (State.QUEUED if state == State.QUEUED else State.PAUSED)
        assert world.reload().state(world.reload().paused_until - timedelta(seconds=1)) == State.PAUSED
    elif action == Action.VETO:
        assert after == state, "one of three seats is no majority"
    else:
        assert after == AFTER[action]


@pytest.mark.parametrize(
    ("state", "service"),
    [
        (State.ACTIVE, services.cancel),
        (State.QUEUED, services.veto),
        (State.READY, services.pause),
        (State.DRAFT, services.cancel),
    ],
)
def test_only_the_author_and_the_council_are_asked_and_others_change_nothing(reach, state, service):
    """Who may do it is asked as well as when: in a state that allows the action, a stranger is refused."""
    world = reach(state)
    before = everything()
    with pytest.raises(Forbidden):
        service(world.proposal.pk, world.commons.address("Mallory"), "Because.", world.now)
    assert everything() == before
