"""Sponsors: members who sign for a draft, so that together they have the power that submitting takes."""

import pytest

from governance import eip712, services
from governance.charter import draft_digest
from governance.eip712 import SignatureError
from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.lifecycle import NotAllowed, State
from governance.models import Proposal, Sponsorship
from governance.services import sponsors, submission
from tests.integration import commons as commons_module
from tests.integration.conftest import NOON

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
HIGH = {"standard": {"proposal_threshold": "60"}}


@pytest.fixture
def commons(list_community):
    return list_community(MEMBERS, tiers=HIGH)


def shown(commons, **content):
    """Write a draft of Chloé's and show it to the members."""
    drafted = commons.draft(author="Chloé", **content)
    return services.seek_sponsors(drafted.pk, commons.address("Chloé"), NOON)


def submitted(commons, draft):
    return services.submit(draft.pk, commons.address("Chloé"), NOON)


def test_the_threshold_is_reached_together(commons):
    draft = shown(commons)
    commons.sponsor(draft, "Bob")
    with pytest.raises(Forbidden) as refusal:
        submitted(commons, draft)
    assert (refusal.value.found, refusal.value.allowed) == ("50", "60")
    commons.sponsor(draft, "Daouda")
    assert submitted(commons, draft).state(NOON) == State.PENDING


def test_sponsors_stand_in_the_record_with_signatures_that_hold_for_it(commons):
    draft = shown(commons)
    for name in ("Daouda", "Bob"):
        commons.sponsor(draft, name)
    body = submitted(commons, draft).record.body
    assert [backer["address"] for backer in body["sponsors"]] == sorted(map(commons.address, ("Bob", "Daouda")))
    community = commons.community
    for backer in body["sponsors"]:
        signed = eip712.sponsorship_digest(
            chain_id=community.chain_id,
            token=community.token,
            instance=community.instance,
            community=community.slug,
            draft=f"0x{draft_digest(body)}",
            sponsor=backer["address"],
        )
        eip712.verify(signed, backer["signature"], backer["address"])


@pytest.mark.parametrize(
    "change",
    [{"title": "Another title"}, {"text": "And one thing more."}, {"payload": {"statement": "Something else."}}],
    ids=str,
)
def test_an_edit_ends_the_backing_and_undoing_it_brings_it_back(commons, change):
    """Nobody backs what they have not read."""
    draft = shown(commons)
    for name in ("Bob", "Daouda"):
        commons.sponsor(draft, name)
    same = {"kind": "text_signal", "title": draft.title, "text": draft.text, "payload": draft.payload, "timing": {}}
    services.edit_draft(draft.pk, commons.address("Chloé"), services.Draft(**{**same, **change}), NOON)
    assert services.sponsors_of(Proposal.objects.get()) == []
    with pytest.raises(Forbidden):
        submitted(commons, draft)
    services.edit_draft(draft.pk, commons.address("Chloé"), services.Draft(**same), NOON)
    assert len(services.sponsors_of(Proposal.objects.get())) == 2
    assert submitted(commons, draft)


def test_sponsoring_twice_counts_once(commons):
    draft = shown(commons)
    for _ in range(3):
        commons.sponsor(draft, "Bob")
    assert Sponsorship.objects.count() == 1
    with pytest.raises(Forbidden):
        submitted(commons, draft)


def test_replay_a_signature_for_another_draft_does_not_back_this_one(commons):
    """Not even one with the same words: what was backed once cannot be put to the vote again by somebody else."""
    draft = shown(commons)
    bob = commons.wallet("Bob")
    signature = bob.sign(services.sponsorship_offer(draft, bob.address))
    for author in ("Chloé", "Mallory"):
        copy = commons.draft(author=author)
        services.seek_sponsors(copy.pk, commons.address(author), NOON)
        with pytest.raises(SignatureError) as refusal:
            services.sponsor(copy.pk, bob.address, signature, NOON)
        assert refusal.value.code == "signature_invalid"
    other = shown(commons, payload={"statement": "No."})
    with pytest.raises(SignatureError):
        services.sponsor(other.pk, bob.address, signature, NOON)
    services.sponsor(draft.pk, bob.address, signature, NOON)


def test_replay_a_signature_from_another_community_is_refused(commons):
    draft = shown(commons)
    sibling = commons_module.found(NOON, MEMBERS, slug="meadows", tiers=HIGH)
    theirs = sibling.draft(author="Chloé")
    services.seek_sponsors(theirs.pk, sibling.address("Chloé"), NOON)
    bob = commons.wallet("Bob")
    signature = bob.sign(services.sponsorship_offer(theirs, bob.address))
    with pytest.raises(SignatureError):
        services.sponsor(draft.pk, bob.address, signature, NOON)


def test_nobody_signs_for_somebody_else(commons):
    draft = shown(commons)
    offer = services.sponsorship_offer(draft, commons.address("Bob"))
    with pytest.raises(SignatureError):
        services.sponsor(draft.pk, commons.address("Bob"), commons.wallet("Mallory").sign(offer), NOON)


def test_a_sponsor_who_has_no_power_adds_none_and_takes_no_place(commons, monkeypatch):
    """Otherwise a stranger with many wallets could fill the list and keep the members out."""
    monkeypatch.setattr(sponsors, "SPONSORS_MAX", 2)
    draft = shown(commons)
    for number in range(3):
        with pytest.raises(Invalid) as refusal:
            commons.sponsor(draft, f"Stranger {number}")
        assert refusal.value.code == "no_voting_power"
    for name in ("Bob", "Daouda"):
        commons.sponsor(draft, name)
    assert submitted(commons, draft)


def test_a_draft_has_a_bounded_number_of_sponsors_and_those_of_an_older_text_do_not_count(commons, monkeypatch):
    monkeypatch.setattr(sponsors, "SPONSORS_MAX", 1)
    draft = shown(commons)
    commons.sponsor(draft, "Bob")
    with pytest.raises(Conflict) as refusal:
        commons.sponsor(draft, "Daouda")
    assert refusal.value.code == "too_many_sponsors"
    changed = services.Draft("text_signal", "Another title", "", {"statement": "Yes."}, {})
    services.edit_draft(draft.pk, commons.address("Chloé"), changed, NOON)
    commons.sponsor(draft, "Daouda")


def test_authors_do_not_sponsor_themselves(commons):
    with pytest.raises(Invalid) as refusal:
        commons.sponsor(shown(commons), "Chloé")
    assert refusal.value.code == "own_draft"


def test_a_draft_that_nobody_was_shown_cannot_be_sponsored(commons):
    with pytest.raises(NotFound):
        commons.sponsor(commons.draft(author="Chloé"), "Bob")
    with pytest.raises(Forbidden):
        services.seek_sponsors(Proposal.objects.get().pk, commons.address("Bob"), NOON)


def test_what_was_submitted_is_not_sponsored_any_more(commons):
    draft = shown(commons)
    for name in ("Bob", "Daouda"):
        commons.sponsor(draft, name)
    proposal = submitted(commons, draft)
    with pytest.raises(NotAllowed):
        commons.sponsor(proposal, "Alice")
    with pytest.raises(NotAllowed):
        services.seek_sponsors(proposal.pk, commons.address("Chloé"), NOON)


def test_a_sponsor_who_signs_while_the_draft_is_submitted_is_noticed(commons, monkeypatch):
    draft = shown(commons)
    for name in ("Bob", "Daouda"):
        commons.sponsor(draft, name)
    read = submission.require_standing

    def slow(*arguments):
        commons.sponsor(draft, "Alice")
        return read(*arguments)

    monkeypatch.setattr(submission, "require_standing", slow)
    with pytest.raises(Conflict) as refusal:
        submitted(commons, draft)
    assert refusal.value.code == "changed_meanwhile"


def test_power_at_the_snapshot_counts_and_not_that_of_the_day_of_signing(list_community):
    """A sponsor whom the charter no longer lists backs nothing with nothing."""
    commons = list_community(MEMBERS, tiers=HIGH)
    draft = shown(commons)
    for name in ("Bob", "Daouda"):
        commons.sponsor(draft, name)
    without = {name: power for name, power in MEMBERS.items() if name != "Bob"}
    changed = commons_module.charter_of_members(without, HIGH)
    change = commons.draft("governance_rules", {"charter": changed})
    services.seek_sponsors(change.pk, commons.address("Alice"), NOON)
    commons.sponsor(change, "Bob")
    change = services.submit(change.pk, commons.address("Alice"), NOON)
    for name in ("Alice", "Bob"):
        commons.vote(change, name, 1)
    commons.executed(change)
    with pytest.raises(Forbidden) as refusal:
        submitted(commons, draft)
    assert refusal.value.found == "30"
