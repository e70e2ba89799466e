"""Members vouch for newcomers to computing: who may, how many it takes, how it ends; page, API, log, personal data."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance import clock
from governance.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, TooMany
from governance.models import Event
from governance.portability import person
from tests.integration.books import decide
from tests.integration.conftest import NOON
from tests.integration.site_places import signed_in
from training_jobs.commons import newcomers, policies
from training_jobs.commons.policies import NewcomerRule, is_newcomer
from training_jobs.models import NewcomerAttestation
from training_jobs.scheduling.values import Policy

DAY = timedelta(days=1)
URL = "/api/v1/communities/gardens/newcomers"
WHY = "She studies at the school of the valley."


@pytest.fixture
def gardens(list_community):
    return list_community()


def vouch(gardens, peer: str, member: str = "Zoé", now=NOON, **said: Any) -> NewcomerAttestation:
    said = {"kind": "student", "reason": WHY, **said}
    return newcomers.attest(
        gardens.community, gardens.address(peer), gardens.address(member), said["kind"], said["reason"], now
    )


def ruled(gardens, **rule: Any) -> None:
    decide(gardens, "compute_policy", policies.body_of(Policy(), NewcomerRule(**rule)))


def test_two_distinct_peers_make_a_newcomer_until_one_of_them_no_longer_stands(gardens):
    zoe = gardens.address("Zoé")
    first = vouch(gardens, "Alice")
    vouch(gardens, "Alice", now=NOON + DAY)
    assert not is_newcomer(gardens.community, zoe, NOON + DAY), "one peer who says it twice is one peer"
    vouch(gardens, "Bob", now=NOON + 2 * DAY)
    assert is_newcomer(gardens.community, zoe, NOON + 2 * DAY)
    [row] = newcomers.vouched(gardens.community, [zoe], NOON + 2 * DAY)
    assert (row.is_newcomer, row.missing, row.until) == (True, 0, NOON + 181 * DAY)
    assert is_newcomer(gardens.community, zoe, NOON + 181 * DAY - timedelta(seconds=1))
    assert not is_newcomer(gardens.community, zoe, NOON + 181 * DAY), "the word of Alice has expired"
    first.refresh_from_db()
    assert first.withdrawn_at == NOON + DAY, "what Alice said again took its place"
    vouch(gardens, "Alice", now=NOON + 181 * DAY)
    assert is_newcomer(gardens.community, zoe, NOON + 181 * DAY)
    newcomers.withdraw(gardens.community, row.attestations[0].pk, gardens.address("Bob"), NOON + 181 * DAY)
    assert not is_newcomer(gardens.community, zoe, NOON + 181 * DAY)


def test_the_log_names_who_said_it_of_whom_and_never_why(gardens):
    made = vouch(gardens, "Alice")
    newcomers.withdraw(gardens.community, made.pk, gardens.address("Zoé"), NOON + DAY)
    newcomers.withdraw(gardens.community, made.pk, gardens.address("Alice"), NOON + 2 * DAY)
    given, taken = Event.objects.filter(kind__startswith="newcomer_").order_by("position")
    assert (given.kind, given.actor) == ("newcomer_attested", gardens.address("Alice"))
    assert (taken.kind, taken.actor) == ("newcomer_withdrawn", gardens.address("Zoé"))
    assert (
        given.data
        == taken.data
        == {
            "attestation": made.pk,
            "member": gardens.address("Zoé"),
            "peer": gardens.address("Alice"),
            "newcomer": "student",
            "until": int((NOON + 180 * DAY).timestamp()),
        }
    )


def test_who_may_not_and_what_cannot_be_said_is_refused(gardens):
    made = vouch(gardens, "Alice")
    for refused, act in (
        (Forbidden, lambda: vouch(gardens, "Alice", "Alice")),
        (Invalid, lambda: vouch(gardens, "Mallory")),
        (Invalid, lambda: vouch(gardens, "Bob", kind="millionaire")),
        (Invalid, lambda: vouch(gardens, "Bob", kind=["student"])),
        (Invalid, lambda: vouch(gardens, "Bob", reason=" ")),
        (Invalid, lambda: vouch(gardens, "Bob", reason="x" * 301)),
        (Invalid, lambda: newcomers.attest(gardens.community, gardens.address("Bob"), "Zoé", "student", WHY, NOON)),
        (Forbidden, lambda: newcomers.withdraw(gardens.community, made.pk, gardens.address("Bob"), NOON)),
        (NotFound, lambda: newcomers.withdraw(gardens.community, made.pk + 1, gardens.address("Alice"), NOON)),
    ):
        with pytest.raises(Refusal) as found:
            act()
        assert type(found.value) is refused, found.value
    assert [each.pk for each in NewcomerAttestation.objects.all()] == [made.pk]


def test_nobody_floods(gardens, monkeypatch):
    for number in range(newcomers.ATTESTED_PER_DAY_MAX):
        vouch(gardens, "Alice", f"stranger {number}")
    with pytest.raises(TooMany):
        vouch(gardens, "Alice", "one more")
    vouch(gardens, "Alice", "one more", now=NOON + DAY + timedelta(seconds=1))
    monkeypatch.setattr(newcomers, "OF_ONE_MEMBER_MAX", 2)
    vouch(gardens, "Bob")
    vouch(gardens, "Chloé")
    with pytest.raises(Conflict):
        vouch(gardens, "Daouda")
    vouch(gardens, "Chloé", now=NOON + DAY)  # the same word again takes no more room


def test_the_voted_rule_says_who_may_how_many_and_for_how_long(gardens):
    zoe, later = gardens.address("Zoé"), NOON + DAY
    vouch(gardens, "Alice")
    vouch(gardens, "Bob", kind="small_organisation")
    assert is_newcomer(gardens.community, zoe, later)
    ruled(gardens, kinds=("student",), peers=2, days=30, attesters="council")
    assert not is_newcomer(gardens.community, zoe, later), "the rule no longer knows what Bob said"
    with pytest.raises(Forbidden, match="not_an_attester"):
        vouch(gardens, "Chloé", now=later)
    gardens.elect("Chloé", "Bob", "Daouda", seats=1, now=later)
    made = vouch(gardens, "Chloé", now=later + DAY)
    assert made.expires_at == later + 31 * DAY
    assert is_newcomer(gardens.community, zoe, later + DAY), "what Alice said under the earlier rule keeps its end"
    assert newcomers.may_attest(gardens.community, gardens.address("Chloé"), later + DAY)
    assert not newcomers.may_attest(gardens.community, gardens.address("Alice"), later + DAY)


def test_the_api_takes_attestations_and_shows_them_to_everybody(gardens):
    zoe = gardens.address("Zoé")
    said = {"member": zoe, "kind": "student", "reason": WHY}
    assert Client().post(URL, said, content_type="application/json").status_code == 401
    alice, bob = signed_in(gardens, "Alice"), signed_in(gardens, "Bob")
    for client in (alice, bob):
        made = client.post(URL, said, content_type="application/json")
        assert made.status_code == 201, made.content
    [row] = Client().get(URL).json()["results"]
    assert (row["member"], row["newcomer"], row["needed"], len(row["attestations"])) == (zoe, True, 2, 2)
    assert row["until"] == made.json()["expires_at"] or row["until"] < made.json()["expires_at"]
    for wrong, status in (({**said, "more": 1}, 400), ({**said, "member": "0x12"}, 422), ({**said, "kind": "x"}, 422)):
        answer = alice.post(URL, wrong, content_type="application/json")
        assert (answer.status_code, answer["content-type"]) == (status, "application/problem+json"), answer.content
    number = row["attestations"][0]["id"]
    assert alice.delete(f"{URL}/{number}").status_code == 403
    for _ in range(2):
        gone = bob.delete(f"{URL}/{number}")
        assert (gone.status_code, gone.json()["withdrawn_by"]) == (200, gardens.address("Bob"))
    assert Client().get(URL).json()["results"][0]["newcomer"] is False
    assert alice.delete(f"{URL}/{10**18}").status_code == 404
    assert Client().get("/api/v1/communities/nowhere/newcomers").status_code == 404


def test_the_page_shows_who_and_takes_a_form_without_javascript(gardens):
    page = "/c/gardens/newcomers/"
    empty = Client().get(page).content.decode()
    assert "Nobody vouches for anybody yet." in empty
    assert 'name="member"' not in empty
    zoe = gardens.address("Zoé")
    alice, bob = signed_in(gardens, "Alice"), signed_in(gardens, "Bob")
    wrong = alice.post(f"{page}vouch/", {"member": "Zoé", "kind": "student", "reason": WHY})
    assert wrong.status_code == 422
    assert f'value="{WHY}"' in wrong.content.decode(), "what was written is not lost"
    assert 'aria-invalid="true"' in wrong.content.decode()
    for client in (alice, bob):
        client.post(f"{page}vouch/", {"member": zoe, "kind": "student", "reason": "<b>Hers</b> & mine"})
    shown = alice.get(page).content.decode()
    assert "&lt;b&gt;Hers&lt;/b&gt; &amp; mine" in shown
    assert (shown.count("take-back/"), Client().get(page).content.decode().count("take-back/")) == (1, 0)
    assert ">newcomer<" in shown
    number = NewcomerAttestation.objects.get(peer=gardens.address("Alice")).pk
    assert bob.post(f"{page}{number}/take-back/").status_code == 403
    assert alice.post(f"{page}{number}/take-back/").status_code == 302
    assert "1 more has to vouch." in Client().get(page).content.decode()
    assert Client().post(f"{page}vouch/", {"member": zoe}).status_code == 302, "to sign in first"
    french = Client().get(page, headers={"Accept-Language": "fr"})
    assert french.status_code == 200


def test_a_person_takes_along_what_was_said_of_them_and_has_the_reasons_erased(gardens):
    now = clock.now()
    vouch(gardens, "Alice", now=now)
    vouch(gardens, "Bob", now=now)
    vouch(gardens, "Alice", "Yann", now=now, reason="He is a neighbour.")
    zoe = person.find(gardens.address("Zoé"))
    out = person.export_person(zoe, now)
    assert [row["reason"] for row in out["private"]["Newcomers"]["newcomer_attestations"]] == [WHY, WHY]
    json.dumps(out)
    done = person.erase_person(zoe, now + DAY)
    assert done["erased"]["Newcomers"] == {"newcomer reasons": 2}
    assert {"newcomer attestations": 2}.items() <= {each["what"]: each["rows"] for each in done["stays"]}.items()
    assert not is_newcomer(gardens.community, zoe.address, now + DAY)
    assert NewcomerAttestation.objects.get(member=gardens.address("Yann")).reason == "He is a neighbour."
    assert person.erase_person(zoe, now + DAY)["erased"]["Newcomers"] == {"newcomer reasons": 0}
