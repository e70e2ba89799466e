"""What people said leaves with their community and reads elsewhere as it did here: comments, versions, consultations."""

from datetime import timedelta

import pytest

from governance import search, services
from governance.deliberation import co_authors, comments, moderation, reading
from governance.deliberation.people import Writer
from governance.fsck import check_one
from governance.models import Community, Consultation, Council, Participant, Proposal, Record
from governance.portability.exporting import export_community
from governance.portability.importing import import_community
from governance.readers import accounts
from governance.records import keep
from governance.services import Draft
from governance.statements import counting, selectors
from governance.statements import moderation as statement_moderation
from governance.statements import services as statements
from tests.integration.conftest import NOON
from tests.integration.exports import empty, instance

HOUR = timedelta(hours=1)
THEN = NOON + 9 * timedelta(days=1)
# The council has its seats without a vote here, which fsck says.
SEATED = "governance_council"

pytestmark = pytest.mark.django_db


@pytest.fixture
def gardens(list_community):
    """A draft of two authors that was shown, talked about and submitted; a consultation that is over, and an open one."""
    commons = list_community()
    alice, bob, chloe = (commons.address(name) for name in ("Alice", "Bob", "Chloé"))
    members = [{"address": bob, "name": "Bob"}, {"address": chloe, "name": "Chloé"}]
    council = keep("council", "council:gardens/x", {"members": members}, [commons.community.record])
    Council.objects.create(
        community=commons.community,
        members=members,
        elected_at=NOON,
        term_ends_at=NOON + timedelta(days=90),
        record=Record.objects.get(pk=council.pk),
    )
    draft = commons.draft()
    co_authors.share(draft.pk, alice, NOON)
    co_authors.invite(draft.pk, alice, bob, NOON)
    co_authors.answer(draft.pk, bob, NOON, accept=True)
    second = Draft("text_signal", "Une margelle", "Réparons-la.", {"statement": "Oui."}, {}, "", 1)
    services.edit_draft(draft.pk, bob, second, NOON + HOUR)
    reader = accounts.create("fr", NOON)
    first = comments.write(draft, Writer(reader=reader), "Et les grenouilles ?", NOON, name="Nora")
    comments.write(draft, Writer(address=chloe), "Elles d’abord.", NOON, answers=first.number)
    comments.edit(draft, 2, Writer(address=chloe), "Elles d’abord, oui.", NOON + HOUR)
    services.submit(draft.pk, alice, NOON + 2 * HOUR)
    comments.write(draft, Writer(address=alice), "Achetez mes puits.", NOON)
    moderation.hide(draft, 3, bob, "spam", "De la réclame.", NOON)
    moderation.appeal(draft, 3, Writer(address=alice), "Ce sont de bons puits.", NOON)
    moderation.judge(draft, 3, chloe, "Non.", NOON, upheld=True)
    over = ask(commons, "Que faire d’abord ?")
    statements.write(over, reader, "Les voisins l’ont déjà réparée.", NOON, different=False)
    statement_moderation.hide(over, 3, bob, "off_topic", "Ailleurs.", NOON)
    crowd(over)
    counting.settle(THEN)
    crowd(ask(commons, "Et ensuite ?", THEN), THEN)
    counting.settle(THEN)
    return commons


def ask(commons, question, now=NOON):
    said = statements.Asked(question, "Avant l’hiver.", 7, ["La margelle est dangereuse.", "Il faut une grue."])
    return statements.open_consultation(commons.community, commons.address("Alice"), said, now)


def crowd(consultation, now=NOON):
    for place in range(6):
        who = accounts.create("en", now)
        statements.answer(consultation, who, 1, "agree", now)
        statements.answer(consultation, who, 2, "agree" if place % 2 else "disagree", now)


def as_it_reads():
    """Return what pages show of all that was said."""
    community = Community.objects.get()
    proposal = Proposal.objects.get()
    bob = Writer(address=Council.objects.get().members[0]["address"])
    talk = reading.discussion(proposal, bob, 1, THEN)
    over = Consultation.objects.get(number=1)
    result = selectors.result_of(over)
    return {
        "comments": [(each.author_name, each.text, each.state, each.role) for each in talk.comments],
        "earlier": [each.version.text for each in reading.story(proposal, 2, None, THEN).earlier],
        "acts": [(act.rule, act.reason, act.appeal, act.answer) for act, *_ in reading.acts(community, None, 1, THEN).rows],
        "authors": talk.co_authors,
        "versions": [(each.title, each.text) for each in proposal.draft_versions.public()],
        "export": selectors.exported(over),
        "digest": (result.digest, result.participants),
        "hidden": [(each.text, each.hidden_reason) for each in selectors.hidden(over)],
        "open": [str(each) for each in statements.visible(Consultation.objects.get(number=2))],
        "found": sorted((hit.kind, hit.key) for hit in search.search("margelle", THEN).hits),
    }  # fmt: skip


def test_what_people_said_reads_elsewhere_as_it_did_here(gardens, tmp_path):
    search.refresh(THEN)
    before = as_it_reads()
    assert {kind for kind, _key in before["found"]} == {"decision", "statement"}
    export_community("gardens", tmp_path / "gardens", THEN)
    with instance(tmp_path / "elsewhere", empty(tmp_path / "empty.sqlite3")):
        found = import_community(tmp_path / "gardens", THEN).findings
        assert not {name for name in found if not name.startswith(SEATED)}
        search.refresh(THEN)
        assert as_it_reads() == before
        assert not [each for each in check_one(Community.objects.get()) if not str(each).startswith(SEATED)]
        ongoing = Consultation.objects.get(number=2)
        assert not Participant.objects.filter(consultation=ongoing).exists(), "answers that are somebody's stay behind"
        crowd(ongoing, THEN)
        assert counting.settle(THEN + 8 * timedelta(days=1)) == 1
