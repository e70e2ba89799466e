"""The constitution changes by votes alone: adopted, changed, repealed, read as of any day, and linted before a vote."""

from datetime import UTC, datetime, timedelta

import pytest

from governance.errors import Refusal
from governance.models import Proposal, Record
from models_registry.constitution import selectors
from models_registry.models import EthicsRule
from tests.integration.conftest import NOON, RULE, pass_, query, sign_in
from training_jobs.models import Run

DAY = timedelta(days=1)
API = "/api/v1/communities/water-commons/constitution"
PAGE = "/c/water-commons/rules/"


def changed(**changes):
    return {"rule": {**RULE, "bound": "0.05", "why": "One season showed it.", **changes}}


def refused(propose, kind, payload, **how):
    with pytest.raises(Refusal) as refusal:
        propose(kind, payload, author="Bob", **how)
    return refusal.value.code


@pytest.fixture
def history(rule, propose, voters):
    """A rule adopted at noon, changed a week later, and repealed after another week."""
    pass_(propose("rule_change", changed(), author="Bob", now=NOON + 7 * DAY), voters)
    repeal = {"slug": "equal-service", "reason": "Another rule does it better."}
    pass_(propose("rule_repeal", repeal, author="Bob", now=NOON + 14 * DAY), voters)
    return list(EthicsRule.objects.order_by("adopted_at"))


def test_a_change_takes_the_place_of_the_rule_and_names_it(rule, propose, voters):
    proposal = pass_(propose("rule_change", changed(), author="Bob"), voters)
    old, new = EthicsRule.objects.order_by("adopted_at", "pk")
    assert (old.revoked_at, old.revoked_by) == (new.adopted_at, proposal)
    assert (new.replaces, new.revoked_at) == (old, None)
    assert set(new.record.value.parents) == {proposal.execution_record_id, old.record_id}
    assert new.record.body == {**old.record.body, "bound": new.record.body["bound"], "why": "One season showed it."}
    assert proposal.payload == {"rule": new.record.body, "replaces": old.record_id}


def test_a_repeal_says_by_which_vote_and_keeps_the_text(rule, propose, voters):
    payload = {"slug": "equal-service", "reason": "Another rule does it better."}
    proposal = pass_(propose("rule_repeal", payload, author="Bob"), voters)
    rule.refresh_from_db()
    assert rule.revoked_by == proposal
    assert rule.repeal_record.body == {
        "slug": "equal-service",
        "rule": rule.record_id,
        "reason": "Another rule does it better.",
    }
    assert set(rule.repeal_record.value.parents) == {proposal.execution_record_id, rule.record_id}
    assert not selectors.rules_in_force(rule.community)
    pass_(propose("ethics_rule", RULE, author="Chloé", now=NOON + 20 * DAY), voters)
    assert len(selectors.rules_in_force(rule.community)) == 1, "its name is free again"


def test_a_run_keeps_the_rules_that_it_was_approved_under(run, propose, voters, rule):
    assert run.spec_record.value.parents
    pass_(propose("rule_change", changed(), author="Chloé"), voters)
    judging = Record.objects.filter(pk__in=Run.objects.get().spec_record.value.parents, kind="rule")
    assert list(judging) == [rule.record]


def test_an_update_needs_a_rule_that_blocks_and_is_not_over(base, dataset, suite, update, propose, voters):
    pass_(propose("rule_change", changed(severity="warn"), author="Bob"), voters)
    assert refused(propose, "model_update", update) == "no_rules"


def test_a_change_of_a_rule_that_was_changed_meanwhile_is_not_carried_out(rule, propose, voters):
    late = propose("rule_change", changed(bound="0.07"), author="Chloé")
    pass_(propose("rule_change", changed(), author="Bob"), voters)
    with pytest.raises(Refusal) as refusal:
        pass_(late, voters)
    assert refusal.value.code == "rule_changed_since"
    assert EthicsRule.objects.filter(revoked_at__isnull=True).get().bound_numerator == 1


REFUSED = [
    ("ethics_rule", RULE, "rule_in_force"),
    ("rule_change", {"rule": RULE}, "rule_unchanged"),
    ("rule_change", changed(slug="no-such-rule"), "unknown_rule"),
    ("rule_change", {**changed(), "replaces": "ab" * 32}, "rule_changed_since"),
    ("rule_change", {"rule": "equal-service"}, "malformed_field"),
    ("rule_change", {"replaces": None}, "missing_field"),
    ("rule_change", changed(suite="ab" * 32), "unknown_suite"),
    ("rule_change", changed(suite=7), "unknown_suite"),
    ("rule_change", changed(judged="kindly"), "malformed_rule"),
    ("rule_change", changed(severity="shrug"), "malformed_rule"),
    ("rule_change", changed(comparator="about"), "unknown_comparator"),
    ("rule_change", changed(why=7), "malformed_field"),
    ("rule_change", changed(why="x" * 4_001), "length_out_of_range"),
    ("rule_change", changed(sunset="2020-01-01"), "sunset_passed"),
    ("rule_change", changed(sunset=1), "sunset_passed"),
    ("rule_change", changed(sunset="2027-02-30"), "malformed_field"),
    ("rule_change", changed(sunset="soon"), "malformed_field"),
    ("rule_change", changed(sunset=1.5), "malformed_field"),
    ("rule_change", changed(sunset=2**60), "malformed_field"),
    ("rule_change", changed(sunset=True), "malformed_field"),
    ("rule_change", changed(metric=["language_gap"]), "unknown_metric"),
    ("rule_change", changed(extra=1), "unknown_field"),
    ("rule_repeal", {"slug": "equal-service", "reason": ""}, "length_out_of_range"),
    ("rule_repeal", {"slug": "no-such-rule", "reason": "Because."}, "unknown_rule"),
    ("rule_repeal", {"slug": None, "reason": "Because."}, "unknown_rule"),
    ("rule_repeal", {"slug": "equal-service", "reason": "Because.", "repeals": "ab" * 32}, "rule_changed_since"),
    ("rule_repeal", {"slug": "equal-service"}, "missing_field"),
]


def test_bad_changes_are_refused_by_name_and_leave_no_row(rule, propose):
    before = Proposal.objects.count()
    for kind, payload, code in REFUSED:
        assert refused(propose, kind, payload) == code, payload
    assert Proposal.objects.count() == before


# --- the text on any day ------------------------------------------------------------------------------------------


def constitution(client, **asked):
    return client.get(f"{API}?{query(**asked)}")


def days(weeks):
    return (NOON + weeks * 7 * DAY + 3 * DAY).date().isoformat()


def test_the_api_gives_the_text_of_any_day_and_what_changed_since(history, client):
    bounds = [
        [article["body"]["bound"]["denominator"] for article in constitution(client, at=days(weeks)).json()["articles"]]
        for weeks in (-1, 0, 1, 2)
    ]
    assert bounds == [[], [10], [20], []]
    found = constitution(client, at=days(1), since=days(0)).json()["differences"]
    assert [(each["how"], each["fields_changed"], each["vote"]["title"]) for each in found] == [
        ("changed", ["bound", "why"], "A rule_change")
    ]
    (repealed,) = constitution(client, at=days(2), since=days(1)).json()["differences"]
    assert (repealed["how"], repealed["after"], repealed["vote"]["title"]) == ("repealed", None, "A rule_repeal")
    (then,) = constitution(client, at=days(0)).json()["articles"]
    assert (then["state"], then["ended_by"]["title"]) == ("in_force", "A rule_change")


@pytest.mark.parametrize("moment", ["yesterday", "2026-02-30", "-1", "9" * 30, "2026-01-01T25:00", "\u0661", "1e9"])
def test_what_is_no_moment_is_refused_by_api_and_page(community, client, moment):
    answer = constitution(client, at=moment)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_moment")
    page = client.get(f"{PAGE}?{query(on=moment)}")
    assert page.status_code == 422
    assert "This is no date" in page.content.decode()


def test_moments_in_the_wrong_order_and_communities_that_are_not_there_are_refused(community, client):
    assert constitution(client, at=days(0), since=days(1)).json()["code"] == "moments_swapped"
    assert client.get("/api/v1/communities/nobody/constitution").status_code == 404
    assert client.get(f"{API}?at=%00").status_code == 400


def test_a_moment_may_be_a_time_or_seconds(rule, client):
    at = rule.adopted_at
    for asked, count in (
        (at.isoformat(), 1),
        ((at - timedelta(seconds=1)).isoformat(), 0),
        (str(int(at.timestamp())), 1),
        (str(int(at.timestamp()) - 1), 0),
        (at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), 1),
    ):
        assert len(constitution(client, at=asked).json()["articles"]) == count, asked


def test_the_page_shows_the_text_of_a_day_with_its_votes_and_differences(history, client):
    then = client.get(f"{PAGE}?{query(on=days(1), since=days(0))}").content.decode()
    assert "This is the text at the end of" in then
    assert "Language gap at most 5\u00a0%" in then
    assert "One season showed it." in then
    assert "<del>Language gap at most 10\u00a0%</del>" in then
    assert "Repealed later by" in then
    assert "On that day there was no rule." in client.get(f"{PAGE}?{query(on=days(2))}").content.decode()


def test_the_list_of_rules_says_by_which_vote_each_ended(history, client):
    rows = client.get("/api/v1/rules").json()["results"]
    ended = {row["bound"]["denominator"]: row["revoked_by"] for row in rows}
    votes = {rule.bound_denominator: rule.revoked_by.public_id for rule in history}
    assert ended == votes


# --- what is told before a vote -----------------------------------------------------------------------------------


def test_the_draft_of_an_update_and_its_page_say_which_rules_it_may_break(update, propose, client, voters):
    proposal = propose("model_update", update)
    (told,) = selectors.outlook(proposal)
    assert told.notes == ("never_measured",), "it starts from the base, which nobody has measured"
    advice = client.get(f"/api/v1/proposals/{proposal.public_id}/rules").json()
    nothing = {"found": "no measurement", "needed": "at most 1/10", "room": None}
    assert advice == {"outlook": [{"rule": "equal-service", "notes": ["never_measured"], **nothing}], "clashes": []}
    assert "1 ethics rule needs a look" in client.get(f"/c/water-commons/proposals/{proposal.number}/").content.decode()
    page = client.get(f"/c/water-commons/proposals/{proposal.number}/evidence/").content.decode()
    assert "Which rules it may break" in page
    assert "never measured" in page


def test_a_rule_that_contradicts_another_is_told_so_at_its_draft(rule, propose, client, voters):
    contrary = {**RULE, "slug": "contrary", "comparator": "at_least", "bound": "0.5"}
    proposal = propose("ethics_rule", contrary, author="Chloé")
    (clash,) = selectors.clashes_with(proposal)
    assert (clash.code, [each.slug for each in clash.rules]) == ("excludes", ["contrary", "equal-service"])
    page = client.get(f"/c/water-commons/proposals/{proposal.number}/").content.decode()
    assert "They exclude each other" in page
    pass_(proposal, voters)
    assert "They exclude each other" in client.get(PAGE).content.decode()
    assert constitution(client).json()["clashes"] == [{"code": "excludes", "rules": ["contrary", "equal-service"]}]


def test_rules_are_written_changed_and_repealed_by_forms(rule, client, voters):
    sign_in(client, voters["Alice"])
    link = "rule_change/?slug=equal-service&amp;title=Equal+service&amp;metric=language_gap"
    assert link in client.get(PAGE).content.decode(), "the form begins with what the rule says now"
    assert (
        'value="equal-service" selected'
        in client.get("/c/water-commons/propose/rule_change/?slug=equal-service").content.decode()
    )
    answers = {
        "proposal_title": "Stricter",
        "proposal_text": "",
        "slug": "equal-service",
        "title": "Equal service",
        "why": "One season showed it.",
        "metric": "language_gap",
        "suite": "run",
        "comparator": "at_most",
        "bound": "0.05",
        "judged": "cautious",
        "severity": "block",
        "scope": "all",
        "sunset": "2099-01-31",
    }
    draft = client.post("/c/water-commons/propose/rule_change/", answers, follow=True)
    text = draft.content.decode()
    assert "Language gap at most 5\u00a0% (before: Language gap at most 10\u00a0%)" in text
    assert "2099-01-31" in text
    stored = Proposal.objects.get(title="Stricter")
    assert stored.payload["rule"]["sunset"] == int(datetime(2099, 1, 31, tzinfo=UTC).timestamp())
    again = client.get(f"/c/water-commons/drafts/{stored.pk}/edit/").content.decode()
    assert 'value="cautious" selected' in again
    bad = client.post("/c/water-commons/propose/rule_change/", {**answers, "sunset": "2020-01-31"})
    assert (bad.status_code, "This day is in the past" in bad.content.decode()) == (422, True)
    repeal = {"proposal_title": "Away", "proposal_text": "", "slug": "equal-service", "reason": "Done."}
    assert (
        "binds no later run"
        in client.post("/c/water-commons/propose/rule_repeal/", repeal, follow=True).content.decode()
    )
