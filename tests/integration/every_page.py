"""What the story lacks for a look at every page: rows of each kind that has a page of its own, and their addresses.

`furnish` writes what lasts for a module; `further` brings about what is good for a short time, and names every address.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from frontend import practice
from governance import services
from governance.deliberation import co_authors, comments
from governance.deliberation.people import Writer
from governance.models import ImportedVote, Mirror, MirroredCheckpoint, MirroredDocument, Proposal, SignInLink
from governance.notifications import tokens
from governance.readers import accounts
from governance.records import keep
from governance.search import reindex
from governance.statements import services as statements
from models_registry.hidden_suites import services as suites
from models_registry.incidents import services as incidents
from models_registry.models import DatasetIntake
from models_registry.rights import services as rights
from tests.integration import reviews_story
from tests.integration.pages_story import Story, Teller, polls
from training_jobs.commons import newcomers
from training_jobs.models import Preview, Run

SLUG = "/c/water-commons"
DAY = timedelta(days=1)
COMMITMENT = hashlib.sha256(b"what nobody has seen").hexdigest()
TOKEN = "a-link-of-a-letter"

# Whoever is somebody else is sent to the sign-in, home or to their settings, or is refused.
MEMBERS_ONLY = frozenset({
    "home of a member", "receipts of mine", "inbox", "settings", "delete me", "everything about me", "desk", "draft",
    "edit a draft", "co-authors", "commit to a hidden suite", "add a dataset", "ask people", "offer a site", "experiments",
    *(f"propose {kind}" for kind in ("model_update", "ethics_rule", "poll", "text_signal")),
})  # fmt: skip
VISITORS_ONLY = frozenset({"home", "sign in", "join", "refused"})


def furnish(story: Story, now: datetime) -> dict[str, Any]:
    """Write votes by every method, and one of everything that has a page and that the story lacks; return them by name."""
    community, alice, bob = story.community, story.wallets["Alice"].address, story.wallets["Bob"].address
    made: dict[str, Any] = {"polls": polls(story, now)}
    teller = Teller(community, story.wallets)

    draft = services.create_draft(community, alice, _signal("Mend the sluice", "Because it *leaks*."), now)
    co_authors.invite(draft.pk, alice, bob, now)
    co_authors.answer(draft.pk, bob, now, accept=True)
    made["draft"] = draft
    offered = services.create_draft(community, story.wallets["Emma"].address, _signal("Plant trees", "*Shade*."), now)
    made["seeking"] = services.seek_sponsors(offered.pk, offered.author, now)
    made["comment"] = comments.write(story.proposals["open"], Writer(address=bob), "I see it *differently*.", now)
    seeds = ["It says when it does not know.", "Water data stays in the valley.", "Speed matters most of all."]
    asked = statements.Asked(question="How should it speak?", text="", days=7, seeds=seeds)
    made["consultation"] = statements.open_consultation(community, alice, asked, now)

    told = incidents.Report("dangerous_advice", "high", "Can I drink it?", "Boil it first.", "Yes, drink it.", "")
    made["incident"] = incidents.report(story.version.revision, bob, told, now)[0]
    asking = rights.Asking(story.dataset.digest, "records", "These are our letters.", ("training-1", "training-2"))
    made["removal"] = rights.ask(asking, story.wallets["Emma"].address, now)
    suite = suites.NewSuite(COMMITMENT, "Sluices", "dialogue", 12, ["en", "fr"], "CC-BY-4.0", 7_200)
    made["hidden"] = suites.commit(community, alice, suite, now)[0]
    newcomers.attest(community, bob, alice, newcomers.newcomer_rule_of(community).kinds[0], "She begins.", now)

    made["intake"] = DatasetIntake.objects.create(
        community=community, actor=alice, asked={"title": "Pairs"}, requested_at=now, next_at=now,
        source={"kind": "url", "url": "https://example.org/a.jsonl", "sha256": "0" * 64, "name": "a.jsonl"},
    )  # fmt: skip
    made["preview"] = Preview.objects.create(
        proposal=story.proposals["update"], requested_by=alice, spec={}, spec_digest="a" * 64, created_at=now,
        steps_max=30, samples_max=8, seconds_max=60,
    )  # fmt: skip
    made["mirror"] = _mirrored(now)
    made["imported"] = _brought(story, now)
    made["review"] = _reviewed(story, teller, now)
    reindex(community)
    return made


def further(story: Story, made: dict[str, Any], now: datetime) -> dict[str, str]:
    """Return the address of every page that is about what `furnish` made, or that `states` leaves out."""
    link = hashlib.sha256(TOKEN.encode()).hexdigest()
    SignInLink.objects.create(
        digest=link, purpose="join", email="lea@example.org", language="en", network="n", asked_at=now
    )
    reader = accounts.create("fr", now, email="noor@example.org")
    number = story.proposals["update"].number
    running = story.proposals["open"].number
    drafts = f"{SLUG}/drafts/{made['draft'].pk}"
    return {
        **{f"poll {name}": f"{SLUG}/proposals/{vote.number}/" for name, vote in made["polls"].items()},
        "voters": f"{SLUG}/proposals/{number}/voters/",
        "voters of an open vote": f"{SLUG}/proposals/{running}/voters/",
        "voters of a ranking": f"{SLUG}/proposals/{made['polls']['ranked-choice closed'].number}/voters/",
        "evidence": f"{SLUG}/proposals/{number}/evidence/",
        "comment": f"{SLUG}/proposals/{running}/discussion/{made['comment'].pk}/",
        "home of a member": "/",
        "join": "/join/",
        "link of a letter": f"/join/confirm/{TOKEN}/",
        "end of letters": f"/unsubscribe/{tokens.token_for(reader, 'all')}/",
        "passkey seat": "/passkey-seat/",
        "search": "/search/?q=water",
        "search, in vain": "/search/?q=qqqq",
        **{f"practice {toy.slug}": f"/practice/{toy.slug}/" for toy in practice.TOYS},
        "receipts of mine": "/me/receipts/",
        "inbox": "/me/inbox/",
        "settings": "/me/settings/",
        "delete me": "/me/delete/",
        "desk": f"{SLUG}/desk/",
        "draft": f"{drafts}/",
        "edit a draft": f"{drafts}/edit/",
        "co-authors": f"{drafts}/authors/",
        "back a draft": f"{SLUG}/sponsor/{made['seeking'].pk}/",
        "consultation": f"{SLUG}/consultations/{made['consultation'].number}/",
        "compare versions": "/models/commons/water-assistant/compare/",
        "incident": f"{SLUG}/incidents/{made['incident'].number}/",
        "hidden suite": f"/hidden-suites/{COMMITMENT}/",
        "commit to a hidden suite": f"{SLUG}/hidden-suites/commit/",
        "ask to remove": f"/datasets/{story.dataset.digest}/ask/",
        "removal": f"/removal-requests/{made['removal'].reference}/",
        "newcomers": f"{SLUG}/newcomers/",
        "experiments": f"{SLUG}/experiments/",
        "intake": f"/intakes/{made['intake'].pk}/",
        "preview": f"/previews/{made['preview'].pk}/",
        "review": f"/runs/{made['review'].pk}/review/",
        "mirror": f"/mirror/{made['mirror'].slug}/",
        "imported": f"{SLUG}/history/{made['imported'].pk}/",
        "refused": "/me/delete/",
    }


def _signal(title: str, text: str) -> services.Draft:
    return services.Draft("text_signal", title, text, {"statement": f"{title}."}, {})


def _mirrored(now: datetime) -> Mirror:
    """A mirror with a fork, and with a document that does not verify."""
    mirror = Mirror.objects.create(
        slug="hills", address="https://hills.example.org", community="hills", origin="hills.example.org/log/hills",
        public_key="0" * 64, key_was_given=False, size=2, began_at=now - DAY, asked_at=now, detail="It was silent.",
    )  # fmt: skip
    for forked in (False, True):
        MirroredCheckpoint.objects.create(mirror=mirror, size=2, note="a note", seen_at=now, forked=forked)
    state = MirroredDocument.State
    MirroredDocument.objects.create(mirror=mirror, sha256="1" * 64, state=state.KEPT, text="{}")
    MirroredDocument.objects.create(mirror=mirror, sha256="2" * 64, state=state.REFUSED, detail="other bytes")
    return mirror


def _brought(story: Story, now: datetime) -> ImportedVote:
    """A vote that was brought from elsewhere."""
    result = {
        "scores": [{"choice": "Yes", "ours": str(3 * 10**18), "theirs": "3", "agrees": True},
                   {"choice": "No", "ours": "0", "theirs": None, "agrees": None}],
        "agrees": True, "winner": "Yes", "cast": str(3 * 10**18), "quorum": None, "scores_total": "3",
        "counts": {"votes": 3, "counted": 2, "verified": 1, "unverified": 1, "superseded": 1, "wrong": 0, "refused": 0},
        "wrong": [], "refused": [],
    }  # fmt: skip
    record = keep("imported_vote", "imported_vote:water-commons/snapshot/0x1", {"title": "x"}, [story.community.record])
    return ImportedVote.objects.create(
        community=story.community, source="snapshot", external_id="0x1", title="Old question", text="Why *not*.",
        author=story.wallets["Bob"].address, method="single-choice", choices=["Yes", "No"], result=result,
        closed_at=now - 400 * DAY, imported_at=now, record=record,
    )  # fmt: skip


def _reviewed(story: Story, teller: Teller, now: datetime) -> Run:
    """A run whose result members are asked to look at, by a rule that was adopted before it was approved."""
    teller.executed("ethics_rule", "Members look first", reviews_story.RULE, story.start + 44 * DAY)
    payload = Proposal.objects.get(pk=story.proposals["update"].pk).payload
    spec = {**payload["spec"], "seed": 8}
    ordered = teller.executed("model_update", "The same with another seed", {"spec": spec}, story.start + 51 * DAY)
    return reviews_story.work(Run.objects.get(proposal=ordered), now - timedelta(hours=1))
