"""The pages of voting by every method: panels, counts, census, delegates, sponsors, guardians, log, receipts, editor.

Read without JavaScript and in both languages, as in `test_pages`; what is refused says why; what strangers write is text.
"""

import copy
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pytest_django import DjangoDbBlocker

from frontend import ballots
from frontend.templatetags import voting
from governance import log, selectors, services
from governance.evidence.canonical import strict_loads
from governance.models import ImportedVote, Proposal
from governance.receipts import Status, verify_receipt
from governance.records import keep
from tests.integration.pages_story import CHOICES, FOR, SETTINGS, Story, Teller, get, polls, signed_in, story, told

__all__ = ["get", "story", "told"]
SLUG = "/c/water-commons"
METHODS = ("single-choice", "approval", "weighted", "quadratic", "ranked-choice", "copeland", "stv", "fractional")


@pytest.fixture(scope="module", autouse=True)
def polled(told: Story, django_db_blocker: DjangoDbBlocker) -> dict[str, Proposal]:
    """Votes by every method, a council, delegations, and a signed checkpoint over all of it, for every test."""
    now = datetime.now(UTC)
    with django_db_blocker.unblock(), override_settings(**SETTINGS):
        made = polls(told, now)
        log.publish_checkpoint(told.community.pk, now)
    return made


@pytest.fixture
def votes(story: Story, polled: dict[str, Proposal]) -> dict[str, Proposal]:
    """These votes for one test, which may change them."""
    return copy.deepcopy(polled)


def page_of(proposal: Proposal, rest: str = "") -> str:
    return f"{SLUG}/proposals/{proposal.number}/{rest}"


@pytest.fixture
def seeking(story: Story) -> Proposal:
    """Emma's draft, which seeks sponsors."""
    now = datetime.now(UTC)
    content = services.Draft("text_signal", "Plant trees", "*Shade* keeps water.", {"statement": "We plant."}, {})
    draft = services.create_draft(story.community, story.wallets["Emma"].address, content, now)
    return services.seek_sponsors(draft.pk, story.wallets["Emma"].address, now)


@pytest.fixture
def brought(story: Story) -> ImportedVote:
    """A vote that was brought from elsewhere."""
    now = datetime.now(UTC)
    result = {
        "scores": [{"choice": "Yes", "ours": str(3 * 10**18), "theirs": "3", "agrees": True},
                   {"choice": "No", "ours": "0", "theirs": None, "agrees": None}],
        "agrees": True, "winner": "Yes", "cast": str(3 * 10**18), "quorum": None, "scores_total": "3",
        "counts": {"votes": 3, "counted": 2, "verified": 1, "unverified": 1, "superseded": 1, "wrong": 0, "refused": 0},
        "wrong": [], "refused": [],
    }  # fmt: skip
    record = keep("imported_vote", "imported_vote:water-commons/snapshot/0x1", {"title": "x"}, [story.community.record])
    return ImportedVote.objects.create(
        community=story.community, source="snapshot", external_id="0x1", title="<b>Old</b> question", text="Why *not*.",
        author=story.wallets["Bob"].address, method="single-choice", choices=["Yes", "No"], result=result,
        closed_at=now - timedelta(days=400), imported_at=now, record=record,
    )  # fmt: skip


def new_pages(story: Story, votes: dict[str, Proposal], seeking: Proposal, brought: ImportedVote) -> dict[str, str]:
    ranked = votes["ranked-choice closed"].ballots.counting()[0]
    waiting = votes["stv open"].ballots.counting()[0]
    return {
        **{f"{name} page": page_of(proposal) for name, proposal in votes.items()},
        **{
            f"asked {name}": page_of(votes["approval open"], f"?voter={story.wallets[name].address}")
            for name in ("Bob",)
        },
        "census": page_of(votes["stv closed"], f"census/?address={story.wallets['Bob'].address}"),
        "census of a list": page_of(story.proposals["pending"], "census/"),
        "delegates": f"{SLUG}/delegates/",
        **{f"delegate {name}": f"{SLUG}/delegates/{wallet.address}/" for name, wallet in story.wallets.items()},
        "nobody": f"{SLUG}/delegates/0x{'0' * 40}/",
        "log": f"{SLUG}/log/",
        "rules": f"{SLUG}/rules/",
        "sponsor list": f"{SLUG}/sponsor/",
        "sponsor": f"{SLUG}/sponsor/{seeking.pk}/",
        "history": f"{SLUG}/history/",
        "imported": f"{SLUG}/history/{brought.pk}/",
        "receipt": f"/receipts/{ranked.record_id}/",
        "receipt waiting": f"/receipts/{waiting.record_id}/",
    }


# --- every page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_of_voting_can_be_read_without_scripts_in_both_languages(
    story: Story, votes: dict[str, Proposal], seeking: Proposal, brought: ImportedVote, client: Client, language: str
) -> None:
    signed_in(client, story.wallets["Alice"])
    for name, path in new_pages(story, votes, seeking, brought).items():
        response = client.get(path, headers={"accept-language": language})
        text = response.content.decode()
        assert response.status_code == 200, (name, text[:1500])
        assert f'<html lang="{language}">' in text, name
        assert len(re.findall(r"<h1[ >]", text)) == 1, name
        assert not re.search(r"<script(?![^>]*\bsrc=)|\s(style|onclick|onload|onsubmit)=|<style", text), name
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert len(ids) == len(set(ids)), (name, sorted(ids))
        labelled = set(re.findall(r'<label\b[^>]*\sfor="([^"]+)"', text))
        for control in re.findall(r"<(?:input|select|textarea)\b[^>]*>", text):
            if not re.search(r'type="(?:hidden|radio|checkbox)"', control):
                found = re.search(r'\sid="([^"]+)"', control)
                assert found is not None, (name, control)
                assert found[1] in labelled, (name, control)


def test_the_number_of_queries_does_not_grow_with_ballots_or_delegates(
    story: Story, votes: dict[str, Proposal], seeking: Proposal, brought: ImportedVote, client: Client
) -> None:
    paths = new_pages(story, votes, seeking, brought)

    def counted() -> dict[str, int]:
        found = {}
        for name, path in paths.items():
            with CaptureQueriesContext(connection) as captured:
                client.get(path)
            found[name] = len(captured)
        return found

    before = counted()
    teller = Teller(story.community, story.wallets)
    now = datetime.now(UTC)
    for name in ("weighted open", "ranked-choice open"):
        choice = {"1": 1} if name.startswith("weighted") else [1, 2, 3, 4]
        teller.vote(votes[name], "Emma", choice, now)
        teller.vote(votes[name], "Chloé", choice, now)
    teller.delegate("Alice", "Chloé", now)
    teller.delegate("Daouda", "Chloé", now, 2_500, "model_update")
    after = counted()
    # Who lends for the first time shows a list that was not there; names are read once for all of them.
    assert {name: after[name] - before[name] for name in paths if after[name] > before[name] + 1} == {}
    assert max(after.values()) <= 30


def test_pages_that_do_not_exist_are_not_found(story: Story, get: Callable[..., str]) -> None:
    for path in (
        "/c/nowhere/delegates/", f"{SLUG}/delegates/nobody/", f"{SLUG}/history/999/", f"{SLUG}/sponsor/999/",
        f"{SLUG}/proposals/999/census/", "/c/nowhere/log/",
    ):  # fmt: skip
        assert "There is nothing at this address" in get(path, status=404)
    for odd in ("page=0", "page=-1", "page=x", "page=99999999999", "search=%00", "address=%00"):
        for path in (f"{SLUG}/delegates/", f"{SLUG}/log/", page_of(story.proposals["open"], "census/")):
            get(f"{path}?{odd}")


# --- before the wallet ------------------------------------------------------------------------------------------------


def test_an_address_learns_whether_it_can_vote_before_any_wallet_is_asked(
    story: Story, votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    open_vote = page_of(votes["approval open"], "?voter=")
    yes = get(open_vote + story.wallets["Daouda"].address)
    assert "Yes, this address can vote." in yes
    assert re.search(r"Own voting power</dt><dd[^>]*>90,000", yes)
    assert re.search(r"unless they vote themselves</dt><dd[^>]*>40,000", yes)
    assert "No, this address cannot vote here." in get(open_vote + f"0x{'1' * 40}")
    assert "not in the list of members" in get(open_vote + f"0x{'1' * 40}")
    assert "This is not an address." in get(open_vote + "my%20wallet")
    assert "Names such as those of ENS are not looked up here" in get(open_vote + "alice.eth")
    assert "Write 0x before it." in get(open_vote + story.wallets["Daouda"].address[2:])
    assert "An address has 40 digits after 0x, not 39." in get(open_vote + story.wallets["Daouda"].address[:-1])
    wrong = story.wallets["Daouda"].address.swapcase().replace("0X", "0x")
    assert "typing error" in get(open_vote + wrong)
    assert "<script>alert" not in get(open_vote + "%3Cscript%3Ealert(1)")


def test_an_address_learns_on_the_page_of_the_community_what_it_can_vote_on(
    story: Story, votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    text = get(f"{SLUG}/?voter={story.wallets['Daouda'].address}")
    asked = text[text.index('id="can-vote"') : text.index("</details>", text.index('id="can-vote"'))]
    assert "90,000 votes at the newest census" in asked
    assert f'href="{page_of(votes["approval open"])}"' in asked
    assert "90,000 own votes, 40,000 lent" in asked
    nobody = get(f"{SLUG}/?voter=0x{'1' * 40}")
    assert "no voting power there" in nobody
    assert "once you are in the list of members" in nobody
    assert "Names such as those of ENS are not looked up here" in get(f"{SLUG}/?voter=alice.eth")
    assert "<script>alert" not in get(f"{SLUG}/?voter=%3Cscript%3Ealert(1)")


# --- who votes with whose power ---------------------------------------------------------------------------------------


def lent_part(text: str) -> str:
    panel = text[text.index('id="vote-panel"') : text.index("data-vote-form")]
    return " ".join(re.sub(r"<[^>]+>", " ", panel).split())


def test_a_member_who_lends_reads_what_the_delegate_did_and_why_it_is_theirs_to_do(
    story: Story, votes: dict[str, Proposal], client: Client
) -> None:
    signed_in(client, story.wallets["Chloé"])
    path = page_of(votes["approval open"])
    said = lent_part(client.get(path).content.decode())
    assert "Who votes with your power here" in said
    assert re.search(r"Bob \S+ 50%", said)
    assert "The old well with 110,000 of these votes" in said
    assert "So it is fair." in said
    assert "Lent for decisions of this kind: Poll." in said
    assert "110,000 votes are lent to nobody" in said
    Teller(story.community, story.wallets).vote(votes["approval open"], "Chloé", [1], datetime.now(UTC))
    said = lent_part(client.get(path).content.decode())
    assert "Your own ballot counts instead." in said
    assert "of these votes" not in said


def test_a_delegate_reads_in_the_panel_whose_votes_are_carried_and_others_read_it_when_they_ask(
    story: Story, votes: dict[str, Proposal], client: Client, get: Callable[..., str]
) -> None:
    path = page_of(votes["approval open"])
    asked = get(f"{path}?voter={story.wallets['Bob'].address}")
    assert "It also carries 110,000 votes of 1 person, who may still vote themselves." in asked
    assert "Who votes with" not in lent_part(asked)
    signed_in(client, story.wallets["Bob"])
    assert "You also carry 110,000 votes of 1 person" in lent_part(client.get(path).content.decode())
    signed_in(client, story.wallets["Alice"])
    assert "carry" not in lent_part(client.get(path).content.decode())


def test_every_way_of_ranking_is_offered_and_the_panel_says_when_a_ballot_is_sent(
    votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    text = get(page_of(votes["stv open"]))
    for part in ("data-ranking-add", "data-ranking-up", "data-ranking-handle", "data-ranking-place"):
        assert part in text
    assert 'data-undo-seconds="5"' in text
    assert "cannot be taken back" in text
    assert 'href="/practice/seasons/"' in text
    assert "<noscript><ul" not in text  # places are typed without a script only where nothing is signed
    assert 'href="/practice/"' in get(page_of(votes["fractional open"]))


def test_while_the_census_is_taken_its_progress_is_shown_and_nobody_can_vote(
    story: Story, get: Callable[..., str]
) -> None:
    proposal = story.proposals["pending"]
    entries = proposal.census.order_by("voter_key")
    entries.filter(pk__in=[entry.pk for entry in entries[:2]]).update(power=None)
    Proposal.objects.filter(pk=proposal.pk).update(census_record=None, census_at=None)
    text = get(page_of(proposal, f"?voter={story.wallets['Bob'].address}"))
    assert "3 of 5 addresses read so far" in text
    assert "It is not known yet." in text
    assert "The census is being taken" in get(page_of(proposal, "census/"))


# --- the vote panel ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_each_method_has_its_own_form_with_the_codes_that_are_signed(
    story: Story, votes: dict[str, Proposal], get: Callable[..., str], method: str
) -> None:
    proposal = votes[f"{method} open"]
    text = get(page_of(proposal))
    panel = text[text.index('id="vote-panel"') : text.index("data-vote-start")]
    codes = [int(code) for code in re.findall(r'(?:data-code|name="choice" value)="(\d+)"', panel)]
    if method == "fractional":
        assert codes == [1, 0, 2]  # for, against, abstain: the codes of the contract
        assert "data-amount-all" in panel
    else:
        assert codes == [1, 2, 3, 4]
        assert [choice for choice in CHOICES if choice in panel] == CHOICES
    if method in {"ranked-choice", "copeland", "stv"}:
        assert ("data-whole" in panel) == (method != "stv")
        assert "Nothing is ranked yet." in panel
        assert re.search(r"<ol[^>]*data-ranking-list[^>]*></ol>", panel)  # nothing is pre-filled
    if method == "approval":
        assert "a blank ballot counts towards the quorum" in panel


def test_ones_own_ballot_is_said_in_words_for_every_method(
    story: Story, votes: dict[str, Proposal], client: Client
) -> None:
    signed_in(client, story.wallets["Alice"])
    for method, expected in {
        "weighted": 'The upper spring <span class="number">75%</span>',
        "ranked-choice": '<ol class="ranked-inline"><li>The upper spring</li><li>The old well</li>',
        "fractional": 'For <span class="number">300,000</span>',
        "approval": "The old well",
    }.items():
        text = client.get(page_of(votes[f"{method} open"])).content.decode()
        own = text[text.index("You voted") : text.index("your receipt")]
        assert expected in own, method


def test_a_method_without_a_form_here_still_has_its_page(
    story: Story, votes: dict[str, Proposal], client: Client
) -> None:
    shown = selectors.proposal_detail("water-commons", votes["approval open"].number, datetime.now(UTC))
    shown.method.__class__.name = "approval"
    other = type("Other", (), {"name": "new-method"})()
    assert ballots.panel(type(shown)(**{**shown.__dict__, "method": other})) is None


# --- counts -----------------------------------------------------------------------------------------------------------


def test_an_elimination_is_shown_as_a_picture_and_as_a_table_with_its_reasons(
    votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    text = get(page_of(votes["ranked-choice closed"]))
    assert 'class="flow"' in text
    start = text.index("Votes of each choice in each round")
    assert text[start : text.index("</table>", start)].count("drops out") == 2
    assert "Round 1: Rain tanks has the least, 130,000 votes, and drops out." in text
    assert "Round 3: The canal has 600,000 votes, more than half of 1,000,000, and wins." in text
    french = get(page_of(votes["ranked-choice closed"]), **{"accept-language": "fr"})
    assert "Tour 1\u00a0: Rain tanks a le moins" in french
    elected = get(page_of(votes["stv closed"]))
    assert elected.count("elected") >= 3
    assert "The quota is 333,334 votes" in elected


def test_a_comparison_is_a_table_in_words(votes: dict[str, Proposal], get: Callable[..., str]) -> None:
    text = get(page_of(votes["copeland closed"]))
    matrix = text[text.index('class="matrix"') : text.index("</table>", text.index('class="matrix"'))]
    assert len(re.findall(r"</svg> wins", matrix)) == len(re.findall(r"</svg> loses", matrix)) == 6
    assert matrix.count('scope="col"') == matrix.count('scope="row"') == 4
    assert "If several choices have equally much at the top, there is no winner." in text


def test_the_winner_is_named_in_words_and_lent_votes_are_told_apart(
    votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    closed = get(page_of(votes["weighted closed"]))
    assert len(re.findall(r"<span>winner</span>", closed)) == 1
    assert "40,000 of them lent by others" in closed
    assert "<span>would win now</span>" in get(page_of(votes["weighted open"]))
    assert "python -m governance.recount" in closed
    assert f'/api/v1/proposals/{votes["weighted closed"].public_id}/bundle"' in closed


def test_the_audit_bundle_of_the_page_can_be_downloaded(votes: dict[str, Proposal], client: Client) -> None:
    response = client.get(f"/api/v1/proposals/{votes['stv closed'].public_id}/bundle")
    lines = b"".join(response.streaming_content).splitlines()  # type: ignore[attr-defined]
    assert strict_loads(lines[0], max_bytes=10_000)["bundle"] == "commonweights-audit"


def test_an_extended_vote_and_an_early_end_say_so(votes: dict[str, Proposal], get: Callable[..., str]) -> None:
    proposal = votes["approval open"]
    Proposal.objects.filter(pk=proposal.pk).update(extended_by="ab" * 32)
    assert "Voting was extended once" in get(page_of(proposal))
    Proposal.objects.filter(pk=votes["approval closed"].pk).update(closed_early=True)
    assert "Voting closed early" in get(page_of(votes["approval closed"]))


# --- census and log ---------------------------------------------------------------------------------------------------


def test_the_census_answers_an_address_with_its_proof(
    story: Story, votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    proposal = votes["stv closed"]
    root = proposal.census_record.body["root"]
    assert root in get(page_of(proposal, "census/"))
    found = get(page_of(proposal, f"census/?address={story.wallets['Bob'].address}"))
    assert "Proof: leaf 2 of 5" in found
    assert "250,000 votes" in found
    assert "not in the census" in get(page_of(proposal, f"census/?address=0x{'1' * 40}"))
    assert "This is not an address." in get(page_of(proposal, "census/?address=bob"))


def test_the_log_has_pages_and_the_newest_checkpoint(
    story: Story, votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    first = get(f"{SLUG}/log/")
    assert "Page 1 of" in first
    assert "A ballot was accepted" in first
    checkpoint = story.community.checkpoints.first()
    assert checkpoint is not None
    assert checkpoint.note.splitlines()[2] in first
    assert "The community was founded" in get(f"{SLUG}/log/?page=999")


# --- receipts ---------------------------------------------------------------------------------------------------------


def test_a_receipt_tells_seen_from_counted_and_its_file_is_verified_alone(
    story: Story, votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    for name, expected, status in (
        ("ranked-choice closed", "Counted, and proven", Status.COUNTED),
        ("ranked-choice open", "After voting has closed.", Status.SEEN),
    ):
        ballot = votes[name].ballots.counting()[0]
        text = get(f"/receipts/{ballot.record_id}/")
        assert expected in text
        assert 'class="qr"' in text
        assert f"http://testserver/receipts/{ballot.record_id}/" in text
        assert story.community.release_key in text
        document = json.loads(get(f"/receipts/{ballot.record_id}/receipt.json"))
        assert verify_receipt(document, story.community.release_key).status is status


# --- delegates --------------------------------------------------------------------------------------------------------


def test_delegates_can_be_found_and_their_record_is_read(
    story: Story, votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    assert "1 person" in get(f"{SLUG}/delegates/?search=daouda")
    assert "Nobody matches." in get(f"{SLUG}/delegates/?search=zzz")
    text = get(f"{SLUG}/delegates/{story.wallets['Daouda'].address}/")
    assert "Who lends to them" in text
    assert "every topic" in text
    assert "Which water first, by stv?" in text
    assert "So it is fair." in text
    assert "Through the token itself" not in text  # the power of this community is a list, not a token
    assert "Take it back" not in text


def test_only_oneself_can_take_a_delegation_back_and_change_a_statement(
    story: Story, votes: dict[str, Proposal], client: Client
) -> None:
    signed_in(client, story.wallets["Emma"])
    own = f"{SLUG}/delegates/{story.wallets['Emma'].address}/"
    assert "Take it back" in client.get(own).content.decode()
    saved = client.post(f"{own}statement/", {"statement": "<script>x</script> I read *all*."})
    assert saved.status_code == 302
    text = client.get(own).content.decode()
    assert "<em>all</em>" in text
    assert "<script>x" not in text
    assert client.post(f"{own}statement/", {"statement": "x" * 5_001}).status_code == 422
    assert client.post(f"{own}statement/", {"statement": "a\0b"}).status_code == 400
    other = f"{SLUG}/delegates/{story.wallets['Bob'].address}/statement/"
    assert client.post(other, {"statement": "I am Bob."}).status_code == 403
    assert client.get(f"{own}statement/").status_code == 405
    client.logout()
    assert client.post(f"{own}statement/", {"statement": "x"}).status_code == 302


# --- guardians --------------------------------------------------------------------------------------------------------


def test_guardians_pause_and_veto_with_reasons_that_everybody_reads(
    story: Story, votes: dict[str, Proposal], client: Client
) -> None:
    queued = page_of(story.proposals["queued"])
    signed_in(client, story.wallets["Emma"])  # not elected
    assert "Speak for a veto" not in client.get(queued).content.decode()
    assert client.post(f"{queued}veto/", {"reason": "No."}).status_code == 403
    signed_in(client, story.wallets["Alice"])
    assert "Speak for a veto" in client.get(queued).content.decode()
    assert client.post(f"{queued}pause/", {"reason": " "}).status_code == 422
    assert client.post(f"{queued}pause/", {"reason": "Let us read it again."}).status_code == 302
    assert "Let us read it again." in client.get(queued).content.decode()
    assert client.post(f"{queued}pause/", {"reason": "Again."}).status_code == 409
    assert client.post(f"{queued}veto/", {"reason": "It was decided at night."}).status_code == 302
    again = client.post(f"{queued}veto/", {"reason": "Twice."}, headers={"accept-language": "fr"})
    assert again.status_code == 409
    assert "Vous avez déjà dit cela" in again.content.decode()
    signed_in(client, story.wallets["Bob"])
    assert client.post(f"{queued}veto/", {"reason": "I agree."}).status_code == 302
    text = client.get(queued).content.decode()
    assert "<span>Vetoed</span>" in text
    assert "It was decided at night." in text
    assert client.post(f"{page_of(votes['approval open'])}veto/", {"reason": "Early."}).status_code == 409


def test_the_rules_are_said_in_words_with_council_and_second_house(
    story: Story, votes: dict[str, Proposal], get: Callable[..., str]
) -> None:
    text = get(f"{SLUG}/rules/")
    assert "more than 66.66% of the votes for or against" in text
    assert "stops it when 50% of it is against" in text
    assert "One person, one vote" in text
    assert "in office until" in text
    assert "for at most 3 days" in text
    assert "Une personne, une voix" in get(f"{SLUG}/rules/", **{"accept-language": "fr"})


# --- history ----------------------------------------------------------------------------------------------------------


def test_an_imported_vote_shows_both_counts_and_its_words_as_text(
    brought: ImportedVote, get: Callable[..., str]
) -> None:
    text = get(f"{SLUG}/history/{brought.pk}/")
    assert "&lt;b&gt;Old&lt;/b&gt; question" in text
    assert "Our exact count agrees with what was published there." in text
    assert "Nothing was imported" not in get(f"{SLUG}/history/")


def test_powers_of_a_list_have_no_decimals_and_those_of_a_token_have() -> None:
    with translation.override("en"):
        assert voting.power("3", voting.decimals_of("fixed_list")) == "3"
        assert voting.power(str(3 * 10**18), voting.decimals_of("erc20_votes")) == "3"
        assert voting.power("7/2", 0) == "3"
        assert voting.power(None, 0) == "–"


def test_a_vote_for_or_against_keeps_its_three_choices(story: Story, get: Callable[..., str], client: Client) -> None:
    signed_in(client, story.wallets["Bob"])
    text = client.get(page_of(story.proposals["open"])).content.decode()
    panel = text[text.index('id="vote-panel"') : text.index("data-vote-start")]
    assert re.findall(r'value="(\d)" data-label="(\w+)"', panel) == [("1", "For"), ("0", "Against"), ("2", "Abstain")]
    assert FOR == 1
