"""Rules that ask people, from the form to the constitution: what is refused, what the pages say, what the lint tells."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from governance.errors import Invalid
from governance.models import Proposal
from models_registry.constitution import payloads
from models_registry.constitution import selectors as constitution
from models_registry.models import EthicsRule
from tests.integration.reviews_story import DUTY, RULE, Reviewed, told_reviews, valley, work

__all__ = ["told_reviews", "valley"]

NEW = {**RULE, "slug": "elders-look"}
BAD: list[tuple[str, str, dict[str, Any]]] = [
    ("value_out_of_range", "payload.duty.people", {"people": 0}),
    ("value_out_of_range", "payload.duty.people", {"people": -1}),
    ("value_out_of_range", "payload.duty.people", {"people": 51}),
    ("value_out_of_range", "payload.duty.people", {"people": "2"}),
    ("value_out_of_range", "payload.duty.people", {"people": 2.0}),
    ("value_out_of_range", "payload.duty.people", {"people": True}),
    ("value_out_of_range", "payload.duty.people", {"people": None}),
    ("value_out_of_range", "payload.duty.people", {"people": [2]}),
    ("value_out_of_range", "payload.duty.samples", {"samples": 0}),
    ("value_out_of_range", "payload.duty.samples", {"samples": 501}),
    ("value_out_of_range", "payload.duty.samples", {"task": "read_report"}),
    ("too_many_samples", "payload.duty.samples", {"samples": 500}),
    ("value_out_of_range", "payload.duty.days", {"days": 0}),
    ("value_out_of_range", "payload.duty.days", {"days": 91}),
    ("value_out_of_range", "payload.duty.objections", {"objections": -1}),
    ("value_out_of_range", "payload.duty.objections", {"objections": 2**70}),
    ("unknown_task", "payload.duty.task", {"task": "sing"}),
    ("unknown_task", "payload.duty.task", {"task": 7}),
    ("unknown_task", "payload.duty.task", {"task": ["read_samples"]}),
    ("malformed_duty", "payload.duty", {"who": "Bob"}),
]


def test_a_duty_that_nobody_could_do_or_nobody_understands_is_refused(valley: Reviewed) -> None:
    found = []
    for _code, _field, changes in BAD:
        with pytest.raises(Invalid) as refused:
            payloads.clean(valley.commons.community, {**NEW, "duty": {**DUTY, **changes}})
        found.append((refused.value.code, refused.value.field, changes))
    assert found == BAD
    for duty in ("read_samples", [], 7, {}, {"task": "read_samples"}):
        with pytest.raises(Invalid, match="malformed_duty"):
            payloads.clean(valley.commons.community, {**NEW, "duty": duty})


@pytest.mark.parametrize("name", ["metric", "suite", "comparator", "bound", "judged"])
def test_a_rule_is_a_gate_or_a_duty_and_never_both(valley: Reviewed, name: str) -> None:
    gate = {"metric": "answer_accuracy", "suite": "ab" * 32, "comparator": "at_least", "bound": "1", "judged": "value"}
    with pytest.raises(Invalid) as refused:
        payloads.clean(valley.commons.community, {**NEW, name: gate[name]})
    assert (refused.value.code, refused.value.field) == ("duty_measures_nothing", f"payload.{name}")


def test_a_frozen_duty_has_nulls_in_the_place_of_a_gate(valley: Reviewed) -> None:
    body = payloads.clean(valley.commons.community, NEW)
    assert body["duty"] == DUTY
    assert {body[name] for name in ("metric", "suite", "comparator", "bound", "judged")} == {None}
    rule = EthicsRule.objects.get(slug=RULE["slug"])
    assert (rule.duty, rule.metric, rule.bound_numerator, rule.severity) == (DUTY, "", None, "block")
    assert payloads.from_form(payloads.answers(body)) == {**body, "sunset": None}


def test_the_form_asks_for_a_duty_and_says_what_is_wrong_with_it(valley: Reviewed, client: Client) -> None:
    signed_in(client, valley, "Bob")
    form = "/c/valley/propose/ethics_rule/"
    assert 'name="task"' in client.get(form).content.decode()
    answers = {
        "proposal_title": "Elders look", "proposal_text": "", "slug": "elders-look", "title": "Elders look", "why": "",
        "task": "read_samples", "people": "3", "samples": "4", "days": "5", "objections": "1", "severity": "block",
        "scope": "all", "sunset": "", "metric": "language_gap", "suite": "run", "comparator": "at_most", "bound": "",
        "judged": "cautious",
    }  # fmt: skip
    text = client.post(form, answers, follow=True).content.decode()
    assert "3 people read 4 samples and have nothing to object" in text
    stored = Proposal.objects.get(title="Elders look")
    assert stored.payload["duty"] == {**DUTY, "people": 3, "days": 5, "objections": 1}
    again = client.get(f"/c/valley/drafts/{stored.pk}/edit/").content.decode()
    assert 'value="read_samples" selected' in again
    assert 'name="people" value="3"' in again
    for name, value in (("people", "0"), ("people", "two"), ("days", ""), ("samples", "9999"), ("task", "sing")):
        bad = client.post(form, {**answers, name: value})
        assert bad.status_code == 422, (name, value)
        assert f'id="field-{name}"' in bad.content.decode()
    gate = client.post(form, {**answers, "task": "measurement", "bound": ""})
    assert gate.status_code == 422, "a measurement still needs its bound"


def test_the_constitution_says_the_duty_in_words_and_the_api_has_it(valley: Reviewed, client: Client) -> None:
    page = client.get("/c/valley/rules/").content.decode()
    assert "2 people read 4 samples and have nothing to object" in page
    assert "7 days after the measurement" in page
    assert client.get("/c/valley/rules/", headers={"accept-language": "fr"}).status_code == 200
    assert client.get("/c/valley/").status_code == 200
    listed = client.get("/api/v1/rules").json()
    rules = {rule["slug"]: rule for rule in (listed["results"] if isinstance(listed, dict) else listed)}
    assert (rules[RULE["slug"]]["duty"], rules[RULE["slug"]]["bound"]) == (DUTY, None)
    assert rules["right"]["duty"] is None
    change = client.get("/c/valley/propose/rule_change/?slug=members-look&task=read_samples&people=2")
    assert change.status_code == 302 or 'value="read_samples" selected' in change.content.decode()


def test_the_lint_says_before_the_vote_that_people_are_asked_and_when_there_is_too_little_to_read(
    valley: Reviewed,
) -> None:
    draft = valley.commons.draft("model_update", valley.update, now=valley.now)
    notes = {one.rule.slug: one.notes for one in constitution.outlook(draft)}
    assert notes[RULE["slug"]] == ("people_asked",)
    other = valley.commons.draft("ethics_rule", {**NEW, "duty": DUTY}, now=valley.now)
    assert [clash.code for clash in constitution.clashes_with(other)] == ["duplicate"]
    fewer = valley.commons.draft("ethics_rule", {**NEW, "duty": {**DUTY, "people": 3}}, now=valley.now)
    assert constitution.clashes_with(fewer) == []


def test_the_pages_of_a_review_show_what_to_read_who_signed_and_until_when(valley: Reviewed, client: Client) -> None:
    run = work(valley.run(), valley.now)
    path = f"/runs/{run.pk}/review/"
    strangers = client.get(path).content.decode()
    assert strangers.count("At dawn.") >= 4, "the drawn samples are there for everybody"
    assert "data-review=" in strangers
    for where in (f"/runs/{run.pk}/", f"/c/valley/proposals/{run.proposal.number}/", "/c/valley/runs/"):
        assert "Waits for" in client.get(where).content.decode(), where
    signed_in(client, valley, "Alice")
    authors = client.get(path).content.decode()
    assert "You proposed this training" in authors
    assert "data-review=" not in authors
    told = client.get(f"/api/v1/runs/{run.pk}/review").json()
    (duty,) = told["duties"]
    assert (told["state"], duty["people"], len(duty["lines"]), duty["attested"]) == ("reviewing", 2, 4, [])
    samples = client.get(f"/api/v1/runs/{run.pk}/review/samples?rule=members-look").json()
    assert [row["place"] - 1 for row in samples["samples"]] == duty["lines"]
    assert client.get(f"/api/v1/runs/{run.pk}/review/samples?rule=x").status_code == 422
    assert client.get("/api/v1/runs/999/review").status_code == 404
    assert client.get("/runs/999/review/").status_code == 404
    signed_in(client, valley, "Bob")
    for name in ("Bob", "Chloé"):
        attest(client, valley, run.pk, name)
    assert "You have signed." in client.get(path).content.decode()
    run.refresh_from_db()
    assert run.verdict == "accepted"
    with translation.override("fr"):
        after = client.get(path, headers={"accept-language": "fr"})
    assert after.status_code == 200
    assert client.get(f"/api/v1/runs/{run.pk}/review").json()["duties"][0]["agreeing"] == 2


def test_a_run_that_asks_nobody_has_no_review(valley: Reviewed, client: Client) -> None:
    run = work(valley.run(), valley.now, right=2)
    assert client.get(f"/api/v1/runs/{run.pk}/review").json()["code"] == "no_review"
    assert client.get(f"/runs/{run.pk}/review/").status_code == 404
    shown = client.get(f"/runs/{run.pk}/").content.decode()
    assert "nobody was asked" in shown
    assert "2 reviewers without an objection" in shown


def attest(client: Client, valley: Reviewed, run: int, name: str) -> None:
    """Attest as the page does: ask for the message, sign it, hand it in."""
    wallet = valley.commons.wallet(name)
    said = {"rule": RULE["slug"], "reviewer": wallet.address, "finding": "nothing_to_object", "reason": ""}
    offer = client.post(f"/api/v1/runs/{run}/review/message", json.dumps(said), content_type="application/json").json()
    message = offer["typed_data"]
    body = {**said, "at": message["message"]["at"], "signature": wallet.sign(message)}
    answer = client.post(f"/api/v1/runs/{run}/review/attestations", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content


def signed_in(client: Client, valley: Reviewed, name: str) -> None:
    from governance.models import Account

    account, _ = Account.objects.get_or_create(address=valley.address(name))
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
