"""The pages of the site, over a community that was made by the real services with real signatures.

Every page is read without JavaScript, in both languages; the number of queries does not grow with the rows; what strangers
write cannot run; what is refused says why.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from frontend import numbers, words
from frontend.text import render as markdown
from governance import records, services
from governance.models import Community, Proposal
from models_registry import services as registry
from models_registry.models import Dataset, Version
from tests.integration.pages_story import (
    FOR,
    Story,
    Teller,
    charter,
    get,
    signed_in,
    story,
    told,
)

__all__ = ["get", "story", "told"]
TOKEN = 10**18


def pages_of(story: Story) -> dict[str, str]:
    """Return the address of every page."""
    ballot = story.proposals["update"].ballots.first()
    waiting = story.proposals["open"].ballots.first()
    slug = "/c/water-commons"
    return {
        "home": "/",
        "sign in": "/sign-in/",
        "community": f"{slug}/",
        "proposals": f"{slug}/proposals/",
        "propose": f"{slug}/propose/",
        "runs": f"{slug}/runs/",
        "datasets": f"{slug}/datasets/",
        "rules": f"{slug}/rules/",
        "models": f"{slug}/models/",
        "model": "/models/commons/water-assistant/",
        "release": f"/releases/{story.version.revision}/",
        "dataset": f"/datasets/{story.dataset.digest}/",
        "verify": "/verify/",
        "receipt": f"/receipts/{ballot.record_id}/",
        "receipt of an open vote": f"/receipts/{waiting.record_id}/",
        **{f"run {run.pk}": f"/runs/{run.pk}/" for run in (story.accepted, story.rejected, story.at_work)},
        **{f"proposal {name}": f"{slug}/proposals/{item.number}/" for name, item in story.proposals.items()},
    }


# --- every page ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_can_be_read_in_both_languages(story: Story, get: Callable[..., str], language: str) -> None:
    for name, path in pages_of(story).items():
        text = get(path, **{"accept-language": language})
        assert f'<html lang="{language}">' in text, name
        assert len(re.findall(r"<h1[ >]", text)) == 1, name
        for landmark in ("<header", "<main", "<footer", 'class="skip"'):
            assert landmark in text, name


def test_no_page_needs_inline_code_or_styles(story: Story, get: Callable[..., str]) -> None:
    for name, path in pages_of(story).items():
        text = get(path)
        scripts = re.findall(r"<script[^>]*>", text)
        assert scripts, name
        assert all("src=" in script and re.search(r'nonce="[^"]{16,}"', script) for script in scripts), name
        assert not re.search(r"\s(style|onclick|onload|onsubmit)=", text), name
        assert "<style" not in text, name


def test_every_form_control_has_a_label_and_every_id_is_unique(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    paths = [
        *pages_of(story).values(),
        *(f"/c/water-commons/propose/{kind}/" for kind in ("model_update", "ethics_rule")),
    ]
    for path in paths:
        text = client.get(path).content.decode()
        ids = re.findall(r'\sid="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path
        labelled = set(re.findall(r'<label\b[^>]*\sfor="([^"]+)"', text))
        controls = re.findall(r"<(?:input|select|textarea)\b[^>]*>", text)
        for control in controls:
            if 'type="hidden"' in control or 'type="radio"' in control or 'type="checkbox"' in control:
                continue  # hidden, or inside its label
            found = re.search(r'\sid="([^"]+)"', control)
            assert found is not None, (path, control)
            assert found[1] in labelled, (path, control)


def test_the_number_of_queries_does_not_grow_with_the_rows(story: Story, client: Client) -> None:
    teller = Teller(story.community, story.wallets)
    paths = {name: path for name, path in pages_of(story).items() if name != "release"}

    def counted() -> dict[str, int]:
        found = {}
        for name, path in paths.items():
            with CaptureQueriesContext(connection) as captured:
                client.get(path)
            found[name] = len(captured)
        return found

    counted()  # what does not change, such as the curve of a finished run, is drawn once and kept
    before = counted()
    now = datetime.now(UTC)
    for number in range(3):
        teller.open("text_signal", f"Question {number}", {"statement": "Yes."}, now - timedelta(hours=30 + number))
    teller.vote(story.proposals["open"], "Alice", FOR, now)
    after = counted()
    assert after == before
    assert max(after.values()) <= 25


def test_unknown_addresses_are_not_found(get: Callable[..., str]) -> None:
    big = 10**30
    for path in (
        "/nothing/", "/c/nowhere/", "/c/nowhere/proposals/1/", "/c/water-commons/proposals/999/", "/runs/999/",
        f"/runs/{big}/", f"/c/water-commons/proposals/{big}/", "/datasets/ab/", "/releases/ab/", "/receipts/ab/",
        "/models/a/b/",
    ):  # fmt: skip
        assert "There is nothing at this address" in get(path, status=404)


# --- proposals ----------------------------------------------------------------------------------------------------


def test_the_list_can_be_filtered_and_the_filter_stands_in_the_address(get: Callable[..., str]) -> None:
    assert "about wells" in get("/c/water-commons/proposals/?state=active")
    assert "Sell the assistant" not in get("/c/water-commons/proposals/?state=active")
    assert "Sell the assistant" in get("/c/water-commons/proposals/?state=defeated&kind=text_signal")
    assert "1 decision" in get("/c/water-commons/proposals/?search=wells")
    for odd in ("state=nonsense", "kind=nonsense", "search=zzz%00z", "page=0", "page=-1", "page=9999999999", "page=x"):
        get(f"/c/water-commons/proposals/?{odd}")
    assert "No decision matches" in get("/c/water-commons/proposals/?state=nonsense")


def test_a_long_list_has_pages(story: Story, get: Callable[..., str]) -> None:
    teller = Teller(story.community, story.wallets)
    for number in range(12):
        teller.submitted("text_signal", f"Signal {number}", {"statement": "Yes."}, datetime.now(UTC), author="Daouda")
    first = get("/c/water-commons/proposals/")
    assert "Page 1 of 2" in first
    assert "page=2" in first
    assert "Signal 11" in first
    assert "Include the members" in get("/c/water-commons/proposals/?page=2")


def test_a_proposal_says_what_happens_and_why_it_passed(story: Story, get: Callable[..., str]) -> None:
    text = get(f"/c/water-commons/proposals/{story.proposals['update'].number}/")
    assert "at most 120 device-seconds" in text
    assert "Why it passed" in text
    assert "Quorum: 910,000 votes took part, 200,000 were needed." in text
    assert "Majority: 870,000 votes in favour, 480,001 were needed." in text
    assert f'href="/runs/{story.accepted.pk}/"' in text
    assert f'href="/releases/{story.version.revision}/"' in text
    defeated = get(f"/c/water-commons/proposals/{story.proposals['defeated'].number}/")
    assert "Why it did not pass" in defeated
    assert "Majority: only 220,000 votes in favour of the 435,001 needed." in defeated


def test_only_an_open_proposal_offers_a_vote_and_it_shows_ones_own(
    story: Story, client: Client, get: Callable[..., str]
) -> None:
    proposal = story.proposals["open"]
    path = f"/c/water-commons/proposals/{proposal.number}/"
    assert f'data-proposal="{proposal.public_id}"' in get(path)
    assert "You need not sign in first. Choose, then sign with the wallet that holds your votes." in get(path)
    for name in ("update", "pending", "defeated", "queued", "canceled"):
        assert "vote-panel" not in get(f"/c/water-commons/proposals/{story.proposals[name].number}/")
    signed_in(client, story.wallets["Bob"])
    own = proposal.ballots.counting().get(voter=story.wallets["Bob"].address)
    text = get(path)
    assert "Change your vote" in text
    assert "You need not sign in first" not in text
    assert f"/receipts/{own.record_id}/" in text


def test_the_live_part_goes_on_while_a_vote_is_open_and_stops_afterwards(story: Story, get: Callable[..., str]) -> None:
    open_part = get(f"/c/water-commons/proposals/{story.proposals['open'].number}/results/", **{"hx-request": "true"})
    assert 'hx-trigger="every' in open_part
    assert "<html" not in open_part
    done = get(f"/c/water-commons/proposals/{story.proposals['update'].number}/results/", **{"hx-request": "true"})
    assert 'hx-trigger="every' not in done
    assert 'id="vote-slot" hx-swap-oob="true"' in done


# --- what strangers write -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "<a href='https://x' onclick='alert(1)'>x</a>",
        "<iframe src='https://x'></iframe>",
        "<style>body{display:none}</style>",
        "<svg><script>alert(1)</script></svg>",
        "![track](https://example.org/pixel.png)",
        "<form action='https://x'><button>Vote</button></form>",
    ],
)
def test_attack_a_proposal_text_cannot_run_load_or_restyle(attack: str) -> None:
    html = markdown(attack).lower()
    for forbidden in (
        "<script",
        "onerror",
        "onclick",
        "javascript:",
        "data:",
        "<iframe",
        "<style",
        "<svg",
        "<img",
        "<form",
    ):
        assert not re.search(rf"<[^>]*{re.escape(forbidden.strip('<'))}", html), html


def test_headings_of_a_text_stand_below_those_of_the_page() -> None:
    assert markdown("# One\n\n## Two\n\n##### Five") == "<h3>One</h3>\n<h4>Two</h4>\n<h6>Five</h6>"


def test_attack_a_name_or_reason_with_markup_is_shown_as_text(story: Story, get: Callable[..., str]) -> None:
    proposal = Teller(story.community, story.wallets).submitted(
        "text_signal",
        "<b>Bold</b> <script>",
        {"statement": "<script>alert(1)</script>"},
        datetime.now(UTC) - timedelta(days=1),
    )
    Teller(story.community, story.wallets).vote(
        proposal, "Bob", FOR, datetime.now(UTC), "<img src=x onerror=alert(1)> \u202e reversed"
    )
    text = get(f"/c/water-commons/proposals/{proposal.number}/")
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


# --- runs, releases, receipts -------------------------------------------------------------------------------------


def test_a_rejected_run_says_at_the_top_which_rule_it_breaks(story: Story, get: Callable[..., str]) -> None:
    text = get(f"/runs/{story.rejected.pk}/")
    head = text[: text.index("How the training goes")]
    assert "equal-service" in head
    assert "39.17% (47/120)" in head
    assert "at most 10% (1/10)" in head
    assert "Nothing was published" in head
    french = get(f"/runs/{story.rejected.pk}/", **{"accept-language": "fr"})
    assert "39,17\u00a0% (47/120)" in french
    assert "au plus 10\u00a0% (1/10)" in french


def test_a_run_at_work_draws_its_curve_and_asks_again(story: Story, get: Callable[..., str]) -> None:
    part = get(f"/runs/{story.at_work.pk}/live/", **{"hx-request": "true"})
    assert 'hx-trigger="live-changed"' in part
    assert 'class="chart__line"' in part
    assert "Step 73 of 180" in part
    assert "live-changed" not in get(f"/runs/{story.accepted.pk}/live/", **{"hx-request": "true"})


def test_a_release_walks_to_the_ballots_and_is_verified_with_the_strangers_own_check(
    story: Story, get: Callable[..., str]
) -> None:
    text = get(f"/releases/{story.version.revision}/")
    assert "Not verified" not in text
    assert text.count("5 signed ballots") == 4
    assert "10 checks hold" in text
    assert "2 need more than the files and were not made here" in text
    totals = re.findall(r'<span class="nowrap">(\w+) [\d,.]+</span>', text)
    assert totals == ["For", "Against", "Abstain"] * 4
    assert "Ballots are signed by their voters" in text
    assert f"--revision {story.version.revision}" in text
    assert f"--community-key \\\n  {story.community.release_key} \\\n" in text


def test_attack_a_changed_weight_is_seen_on_the_page(story: Story, get: Callable[..., str]) -> None:
    get(f"/releases/{story.version.revision}/")  # the answer is kept, under the sizes and times of the files
    weights = registry.version_folder(story.version) / "model.safetensors"
    content = weights.read_bytes()
    weights.chmod(0o644)
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        text = get(f"/releases/{story.version.revision}/")
    finally:
        weights.write_bytes(content)  # the files are those of all tests here
    assert "Not verified" in text
    assert "model.safetensors" in text
    assert re.search(r"\d+ (does|do) not hold</b>", text)


def test_a_receipt_proves_inclusion_once_voting_has_closed(story: Story, get: Callable[..., str]) -> None:
    counted = story.proposals["update"].ballots.first()
    assert "Counted, and proven" in get(f"/receipts/{counted.record_id}/")
    document = json.loads(get(f"/receipts/{counted.record_id}/receipt.json"))
    assert document["digest"] == counted.record_id
    assert document["status"] == "counted"
    assert (
        document["count"]["tally"]["body"]["ballots_root"]
        == story.proposals["update"].tally_record.body["ballots_root"]
    )
    replaced = story.proposals["open"].ballots.filter(superseded_at__isnull=False).get()
    assert "Replaced by a later ballot" in get(f"/receipts/{replaced.record_id}/")
    waiting = story.proposals["open"].ballots.counting().first()
    assert "this page shows the proof" in get(f"/receipts/{waiting.record_id}/")


# --- proposing ----------------------------------------------------------------------------------------------------


def test_proposing_needs_a_sign_in_and_leads_back(story: Story, client: Client) -> None:
    response = client.get("/c/water-commons/propose/text_signal/")
    assert response.status_code == 302
    assert response.headers["Location"] == "/sign-in/?next=/c/water-commons/propose/text_signal/"
    signed_in(client, story.wallets["Alice"])
    assert client.get("/sign-in/?next=/c/water-commons/").headers["Location"] == "/c/water-commons/"
    assert client.get("/sign-in/?next=https://evil.example/").headers["Location"] == "/"


def test_a_draft_is_written_edited_and_submitted(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    written = {"proposal_title": "Count the wells", "proposal_text": "*Why not.*", "statement": "We count."}
    created = client.post("/c/water-commons/propose/text_signal/", written)
    assert created.status_code == 302
    preview = client.get(created.headers["Location"]).content.decode()
    assert "Count the wells" in preview
    assert "<em>Why not.</em>" in preview
    edit = f"{created.headers['Location']}edit/"
    assert 'value="We count."' in client.get(edit).content.decode()
    client.post(edit, {**written, "statement": "We count twice."})
    submitted = client.post(f"{created.headers['Location']}submit/")
    assert submitted.status_code == 302
    assert "We count twice." in client.get(submitted.headers["Location"]).content.decode()


def test_a_refused_form_says_so_beside_the_field_and_keeps_the_answers(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    answers = {"proposal_title": "", "proposal_text": "Kept.", "statement": "Also kept."}
    response = client.post("/c/water-commons/propose/text_signal/", answers)
    text = response.content.decode()
    assert response.status_code == 422
    assert re.search(r'id="field-proposal_title"[^>]*aria-invalid="true"', text)
    assert "This is needed." in text
    assert "Kept." in text
    assert 'value="Also kept."' in text


def test_the_form_of_a_model_update_comes_back_with_the_answers_it_was_made_from(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    base = Version.objects.get(number=0)
    answers = {
        "proposal_title": "Another update", "proposal_text": "", "base": base.revision, "datasets": [story.dataset.digest],
        "languages": ["fr"], "suite": Dataset.objects.get(role="evaluation").digest, "method": "lora", "lora_rank": "4",
        "learning_rate": "0.001", "epochs": "2", "batch_size": "16", "sequence_length": "32", "seed": "11",
        "device_seconds": "300",
    }  # fmt: skip
    created = client.post("/c/water-commons/propose/model_update/", answers)
    assert created.status_code == 302, created.content.decode()
    text = client.get(f"{created.headers['Location']}edit/").content.decode()
    for name in ("lora_rank", "learning_rate", "epochs", "batch_size", "sequence_length", "seed", "device_seconds"):
        assert re.search(rf'name="{name}" value="{re.escape(str(answers[name]))}"', text), name
    assert re.search(rf'value="{base.revision}" selected', text)
    assert re.search(rf'name="datasets" value="{story.dataset.digest}" checked', text)
    assert re.search(r'name="languages" value="fr" checked', text)
    assert not re.search(r'name="languages" value="en" checked', text)


def test_somebody_elses_draft_does_not_exist(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    written = {"proposal_title": "Mine", "proposal_text": "", "statement": "We."}
    path = client.post("/c/water-commons/propose/text_signal/", written).headers["Location"]
    signed_in(client, story.wallets["Bob"])
    for address in (path, f"{path}edit/"):
        assert client.get(address).status_code == 404
    assert client.post(f"{path}submit/").status_code == 404
    number = Proposal.objects.get(title="Mine").number
    assert client.get(f"/c/water-commons/proposals/{number}/").status_code == 404


def test_a_draft_can_be_thrown_away_and_a_proposal_withdrawn_by_its_author(story: Story, client: Client) -> None:
    signed_in(client, story.wallets["Alice"])
    written = {"proposal_title": "Mine", "proposal_text": "", "statement": "We."}
    path = client.post("/c/water-commons/propose/text_signal/", written).headers["Location"]
    assert client.post(f"{path}discard/").status_code == 302
    assert client.get(path).status_code == 404
    pending = f"/c/water-commons/proposals/{story.proposals['pending'].number}/"
    assert "Withdraw this proposal" in client.get(pending).content.decode()
    assert client.post(f"{pending}withdraw/", {"reason": " "}).status_code == 422
    assert client.post(f"{pending}withdraw/", {"reason": "Too early."}).status_code == 302
    assert "Too early." in client.get(pending).content.decode()
    again = client.post(f"{pending}withdraw/", {"reason": "Again."})
    assert again.status_code == 409
    assert "has moved on" in again.content.decode()
    signed_in(client, story.wallets["Bob"])
    queued = f"/c/water-commons/proposals/{story.proposals['queued'].number}/"
    assert "Withdraw this proposal" not in client.get(queued).content.decode()
    assert client.post(f"{queued}withdraw/", {"reason": "Not mine."}).status_code == 403


def test_a_submission_that_is_refused_says_how_much_power_is_missing(story: Story, client: Client) -> None:
    body = services.clean_charter(charter(story.wallets, proposal_threshold="100000")).to_body()
    dearer = records.keep("charter", "charter:water-commons", body)
    Community.objects.filter(pk=story.community.pk).update(charter=dearer)
    signed_in(client, story.wallets["Emma"])
    written = {"proposal_title": "Mine", "proposal_text": "", "statement": "We."}
    path = client.post("/c/water-commons/propose/text_signal/", written).headers["Location"]
    response = client.post(f"{path}submit/")
    assert response.status_code == 403
    assert "you had 40,000 at the snapshot, 100,000 are needed" in response.content.decode()


def test_a_form_without_its_token_is_refused_in_words(story: Story) -> None:
    strict = Client(enforce_csrf_checks=True)
    signed_in(strict, story.wallets["Alice"])
    response = strict.post("/c/water-commons/propose/text_signal/", {"proposal_title": "x"})
    assert response.status_code == 403
    assert "This form was too old" in response.content.decode()


def test_attack_a_character_that_cannot_be_kept_is_refused_in_the_readers_language(
    story: Story, client: Client
) -> None:
    signed_in(client, story.wallets["Alice"])
    answers = {"proposal_title": "Wells\0", "proposal_text": "", "statement": "We."}
    withdraw = f"/c/water-commons/proposals/{story.proposals['pending'].number}/withdraw/"
    for path, data in {"/c/water-commons/propose/text_signal/": answers, withdraw: {"reason": "\0"}}.items():
        response = client.post(path, data, headers={"accept-language": "fr"})
        assert response.status_code == 400
        assert "Un caractère ne peut pas être conservé" in response.content.decode()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_refusal_is_a_sentence_in_both_languages(language: str) -> None:
    with translation.override(language):
        for code in words.REFUSALS:
            said = words.refusal(code, "the detail of a developer", "1", "2")
            assert said[0].isupper(), code
            assert said.endswith("."), code
            assert "developer" not in said, code
    with translation.override("fr"):
        french = {str(said) for said in words.REFUSALS.values()}
    with translation.override("en"):
        assert not french & {str(said) for said in words.REFUSALS.values()}


# --- frame --------------------------------------------------------------------------------------------------------


def test_the_demo_wallet_is_on_the_page_only_in_the_demo(story: Story, get: Callable[..., str], settings: Any) -> None:
    assert "built/demo.js" not in get("/")
    settings.DEMO = True
    text = get("/")
    assert "built/demo.js" in text
    assert f'data-demo-account="{story.wallets["Chloé"].address}"' in text


def test_the_server_error_page_needs_nothing() -> None:
    from frontend.views.errors import server_error

    with translation.override("en"):
        assert b"Something broke on our side" in server_error(None).content  # type: ignore[arg-type]


# --- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "english", "french"),
    [
        (0, "0", "0"),
        (1, "less than 0.01", "moins de 0,01"),
        (10**16, "0.01", "0,01"),
        (TOKEN, "1", "1"),
        (1_234_567 * TOKEN + 5 * 10**17, "1,234,567.5", "1\u202f234\u202f567,5"),
        (999 * 10**15, "0.99", "0,99"),
        (2**256 - 1, None, None),
    ],
)
def test_powers_are_cut_never_rounded_up(units: int, english: str | None, french: str | None) -> None:
    with translation.override("en"):
        found = numbers.power(units)
        assert found == english or (english is None and found.replace(",", "").startswith(str((2**256 - 1) // TOKEN)))
    if french is not None:
        with translation.override("fr"):
            assert numbers.power(units).replace("\u00a0", "\u202f") == french


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (1, "in 1 second"),
        (59, "in 59 seconds"),
        (60, "in 1 minute"),
        (7200, "in 2 hours"),
        (-86_400 * 3, "3 days ago"),
    ],
)
def test_moments_are_said_relative_to_now(seconds: int, words: str) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    with translation.override("en"):
        assert numbers.relative(now + timedelta(seconds=seconds), now) == words


def test_a_step_that_is_held_up_says_so_and_why(story: Story, get: Callable[..., str]) -> None:
    proposal = Proposal.objects.submitted().select_related("community").order_by("number").first()
    assert proposal is not None
    address = f"/c/{proposal.community.slug}/proposals/{proposal.number}/"
    assert "held up" not in get(address)
    services.note(
        "step_refused", datetime.now(UTC), proposal=proposal, code="already_included", detail="it is included already"
    )
    page = get(address)
    assert "The next step is held up" in page
    assert "A vote has included this dataset already." in page
