"""Passkeys of readers, against the real library with an authenticator in software: what holds, and what is refused."""

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from frontend import letters as sending
from governance import clock
from governance.models import LetterErrand, Passkey, PasskeyChallenge, Reader
from governance.notifications import letters, preferences
from governance.readers import passkeys, sweeping
from tests.integration.conftest import NOON
from tests.simulators.authenticator import Authenticator, decoded, encoded

ORIGIN = "https://commons.example"
BEGIN, FINISH = "/api/v1/auth/passkey/begin", "/api/v1/auth/passkey/finish"


@pytest.fixture(autouse=True)
def _site(db, settings, at, tmp_path):
    settings.PASSKEY_CHALLENGES_PER_NETWORK = 1_000
    settings.PASSKEY_ORIGIN = ORIGIN
    settings.STATIC_ROOT = tmp_path
    at(NOON)


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json")


def begin(client: Client, purpose: str) -> dict[str, Any]:
    answer = post(client, BEGIN, {"purpose": purpose})
    assert answer.status_code == 200, answer.content
    return answer.json()["public_key"]


def finish(client: Client, purpose: str, answer: dict[str, Any], name: str = "phone") -> Any:
    return post(client, FINISH, {"purpose": purpose, "answer": answer, "name": name})


def joined(client: Client, device: Authenticator | None = None) -> Authenticator:
    device = device or Authenticator()
    answer = finish(client, "join", device.create(begin(client, "join")))
    assert answer.status_code == 200, answer.content
    return device


def signed_in(client: Client) -> bool:
    return client.get("/me/settings/").status_code == 200


def refused(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content


# --- it works -------------------------------------------------------------------------------------------------------


def test_somebody_joins_with_a_passkey_leaves_and_comes_back_with_it_and_no_name_is_asked_for():
    client = Client()
    options = begin(client, "join")
    assert options["rp"]["id"] == "commons.example"
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "preferred"
    device = Authenticator()
    assert finish(client, "join", device.create(options)).json() == {"signed_in": True}
    reader = Reader.objects.get()
    assert (reader.email, reader.address) == (None, None)
    assert signed_in(client)

    client.post("/me/sign-out/")
    assert not signed_in(client)
    asked = begin(client, "signin")
    assert asked["allowCredentials"] == []
    assert finish(client, "signin", device.get(asked)).status_code == 200
    assert signed_in(client)
    assert Reader.objects.get() == reader
    assert Passkey.objects.get().sign_count == 2


def test_a_passkey_that_is_synced_counts_nothing_and_works_again_and_again():
    client = Client()
    device = joined(client, Authenticator(counts=False))
    for _ in range(3):
        assert finish(Client(), "signin", device.get(begin(client, "signin"))).status_code == 401, "another browser"
        assert finish(client, "signin", device.get(begin(client, "signin"))).status_code == 200


def test_a_second_passkey_is_added_renamed_and_the_first_removed_but_never_the_last():
    client = Client()
    first = joined(client)
    options = begin(client, "add")
    assert [one["id"] for one in options["excludeCredentials"]] == [encoded(first.credential)]
    second = Authenticator()
    assert finish(client, "add", second.create(options), "  my \n laptop ").status_code == 200
    old, new = Passkey.objects.all()
    assert (new.name, new.reader) == ("my laptop", old.reader)

    client.post("/me/settings/passkey/", {"passkey": new.pk, "name": "desk"})
    client.post("/me/settings/passkey/", {"passkey": old.pk, "remove": "1"})
    assert [key.name for key in Passkey.objects.all()] == ["desk"]
    assert client.post("/me/settings/passkey/", {"passkey": new.pk, "remove": "1"}).status_code == 409
    assert Passkey.objects.count() == 1
    stranger = Client()
    refused(finish(stranger, "signin", first.get(begin(stranger, "signin"))), 401, "unknown_passkey")


def test_removing_a_passkey_signs_the_other_browsers_out_and_not_this_one():
    here, there = Client(), Client()
    device = joined(here)
    assert finish(there, "signin", device.get(begin(there, "signin"))).status_code == 200
    finish(here, "add", Authenticator().create(begin(here, "add")))
    here.post("/me/settings/passkey/", {"passkey": Passkey.objects.first().pk, "remove": "1"})
    assert signed_in(here)
    assert not signed_in(there)


@pytest.mark.parametrize(
    ("language", "subject"),
    [("en", "A passkey was added to your account"), ("xx", "A passkey was added to your account")],
)
def test_a_letter_tells_of_a_new_passkey_even_whoever_wants_no_letters(settings, mailoutbox, language, subject):
    settings.MAIL_OFFERED = True
    client = Client()
    joined(client)
    reader = Reader.objects.get()
    Reader.objects.update(email="lea@example.org", email_confirmed_at=NOON, language=language)
    preferences.stop_letters(reader, NOON, stopped=True)
    assert finish(client, "add", Authenticator().create(begin(client, "add")), "my laptop").status_code == 200
    (errand,) = letters.due(NOON)
    sending.deliver(errand)
    sending.deliver(errand)
    (letter,) = mailoutbox
    assert (letter.to, letter.subject) == (["lea@example.org"], subject)
    for said in ("my laptop", "If it was not you", "/me/settings/#passkeys"):
        assert said in letter.body, said
    assert "List-Unsubscribe" not in letter.extra_headers
    assert LetterErrand.objects.get().ended_as == "sent"


def test_the_letter_comes_also_when_the_passkey_is_gone_again_and_never_to_nobody(settings, mailoutbox):
    settings.MAIL_OFFERED = True
    client = Client()
    joined(client)
    finish(client, "add", Authenticator().create(begin(client, "add")))
    assert letters.due(NOON) == [], "no address, no letter; the first passkey of an account needs none"
    Reader.objects.update(email="lea@example.org", email_confirmed_at=NOON)
    assert finish(client, "add", Authenticator().create(begin(client, "add")), "short-lived").status_code == 200
    client.post("/me/settings/passkey/", {"passkey": Passkey.objects.get(name="short-lived").pk, "remove": "1"})
    sending.deliver(letters.due(NOON)[0])
    (letter,) = mailoutbox
    assert "It has been removed again since." in letter.body
    assert "short-lived" not in letter.body


# --- attacks --------------------------------------------------------------------------------------------------------


def test_phishing_an_answer_made_on_another_site_is_refused():
    client = Client()
    device = joined(client)
    refused(
        finish(client, "signin", device.get(begin(client, "signin"), origin="https://commons.example.evil.example")),
        401,
        "passkey_rejected",
    )
    other = Authenticator(origin="https://evil.example")
    refused(finish(client, "join", other.create(begin(client, "join"))), 401, "passkey_rejected")
    refused(
        finish(client, "signin", device.get(begin(client, "signin"), rp_id="evil.example")), 401, "passkey_rejected"
    )
    refused(finish(client, "join", other.create(begin(client, "join"), rp_id="evil.example")), 401, "passkey_rejected")
    assert Reader.objects.count() == 1


def test_replay_an_answer_is_good_once_and_not_for_another_browser_purpose_or_hour(at):
    client = Client()
    device = joined(client)
    answer = device.get(begin(client, "signin"))
    assert finish(client, "signin", answer).status_code == 200
    refused(finish(client, "signin", answer), 401, "challenge_gone")

    stolen = device.get(begin(client, "signin"))
    refused(finish(Client(), "signin", stolen), 401, "challenge_gone")
    thief = Client()
    begin(thief, "signin")
    refused(finish(thief, "signin", stolen), 401, "challenge_gone")

    refused(finish(client, "join", Authenticator().create(begin(client, "add"))), 401, "challenge_gone")
    late = device.get(begin(client, "signin"))
    at(NOON + timedelta(minutes=11))
    refused(finish(client, "signin", late), 401, "challenge_gone")


def test_a_challenge_of_the_attackers_own_making_is_refused():
    client = Client()
    device = joined(client)
    options = begin(client, "signin") | {"challenge": encoded(b"a" * 32)}
    refused(finish(client, "signin", device.get(options)), 401, "challenge_gone")


def test_a_failed_try_uses_the_challenge_up():
    client = Client()
    device = joined(client)
    asked = begin(client, "signin")
    good = device.get(asked)
    bad = copy.deepcopy(good)
    bad["response"]["signature"] = encoded(b"\x30" + bytes(70))
    refused(finish(client, "signin", bad), 401, "passkey_rejected")
    refused(finish(client, "signin", good), 401, "challenge_gone")


def test_a_copied_passkey_is_found_out_when_its_count_goes_back():
    client = Client()
    device = joined(client)
    copied = Authenticator(key=device.key, credential=device.credential, handle=device.handle, count=device.count)
    for _ in range(3):
        assert finish(client, "signin", device.get(begin(client, "signin"))).status_code == 200
    refused(finish(client, "signin", copied.get(begin(client, "signin"))), 401, "passkey_rejected")
    copied.counts, copied.count = False, 0
    refused(finish(client, "signin", copied.get(begin(client, "signin"))), 401, "passkey_rejected")


def test_a_passkey_that_names_another_reader_is_refused():
    client, other = Client(), Client()
    device, victim = joined(client), joined(other)
    device.handle = victim.handle
    refused(finish(client, "signin", device.get(begin(client, "signin"))), 401, "passkey_rejected")


def test_nobody_present_at_the_device_is_refused():
    client = Client()
    device = joined(client)
    device.flags = 0
    refused(finish(client, "signin", device.get(begin(client, "signin"))), 401, "passkey_rejected")


def test_takeover_a_passkey_of_another_account_cannot_be_registered_a_second_time():
    victim, attacker = Client(), Client()
    device = joined(victim)
    joined(attacker)
    stolen = Authenticator(credential=device.credential)
    refused(finish(attacker, "join", stolen.create(begin(attacker, "join"))), 409, "passkey_known")
    refused(finish(attacker, "add", stolen.create(begin(attacker, "add"))), 409, "passkey_known")
    assert Reader.objects.count() == 2, "no empty reader is left behind"
    assert Passkey.objects.get(credential=encoded(device.credential)).reader == Reader.objects.first()


def test_takeover_a_passkey_begun_for_one_reader_is_not_added_to_another_in_the_same_browser():
    client = Client()
    joined(client)
    asked = begin(client, "add")
    session = client.session.session_key
    challenge = PasskeyChallenge.objects.get(purpose="add")
    device = Authenticator()
    assert finish(client, "signin", device.get(begin(client, "signin"))).status_code == 401
    other = Client()
    joined(other)
    # As if the same browser session had gone over to the other reader in between.
    PasskeyChallenge.objects.filter(pk=challenge.pk).update(session=other.session.session_key)
    assert session != other.session.session_key
    refused(finish(other, "add", device.create(asked)), 401, "passkey_rejected")


def test_session_fixation_signing_in_goes_on_under_a_new_key_and_the_planted_one_is_nobody():
    client = Client()
    device = joined(client)
    victim = Client()
    asked = begin(victim, "signin")
    planted = victim.session.session_key
    token = victim.cookies.get("csrftoken")
    assert finish(victim, "signin", device.get(asked)).status_code == 200
    assert victim.session.session_key != planted
    attacker = Client()
    attacker.cookies["sessionid"] = planted
    assert not signed_in(attacker)
    assert token is None or victim.cookies["csrftoken"].value != token.value


def test_a_forged_request_of_another_site_is_refused():
    client = Client(enforce_csrf_checks=True)
    refused(post(client, BEGIN, {"purpose": "signin"}), 403, "csrf_failed")
    refused(post(client, FINISH, {"purpose": "signin", "answer": {}}), 403, "csrf_failed")
    refused(post(client, "/api/v1/me/follows", {"kind": "community", "name": "water"}), 403, "csrf_failed")


# --- bad input and limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["join", "signin", "add"])
def test_an_answer_that_is_none_is_refused_in_words_and_never_a_defect(purpose):
    client = Client()
    device = joined(client)

    def answer() -> dict[str, Any]:
        asked = begin(client, purpose)
        return device.get(asked) if purpose == "signin" else Authenticator().create(asked)

    whole = answer()
    names = ["id", "rawId", "type", "response", *[f"response.{name}" for name in whole["response"]]]
    for name in names:
        for wrong in (None, 7, "", "!", "AAAA", [], {}, "\x00", "é"):
            changed = answer()
            part = changed["response"] if "." in name else changed
            part[name.rpartition(".")[2]] = wrong
            got = finish(client, purpose, changed)
            harmless = name.endswith(("userHandle", "rawId", "attestationObject")) and wrong in (None, "")
            assert got.status_code in {400, 401} or harmless, (name, wrong, got.content)
            assert got.status_code < 500, (name, wrong, got.content)


def test_a_flipped_bit_anywhere_in_what_the_device_says_never_makes_a_defect_and_never_signs_in():
    client = Client()
    device = joined(client)
    length = len(decoded(device.get(begin(client, "signin"))["response"]["authenticatorData"]))
    for place in range(length):
        answer = device.get(begin(client, "signin"))
        data = bytearray(decoded(answer["response"]["authenticatorData"]))
        data[place] ^= 0x80
        answer["response"]["authenticatorData"] = encoded(bytes(data))
        refused(finish(client, "signin", answer), 401, "passkey_rejected")
    for cut in range(0, 190, 7):
        answer = Authenticator().create(begin(client, "join"))
        whole = decoded(answer["response"]["attestationObject"])
        answer["response"]["attestationObject"] = encoded(whole[:cut])
        refused(finish(client, "join", answer), 401, "passkey_rejected")
    assert Reader.objects.count() == 1


def test_a_network_that_asks_for_very_many_questions_is_told_to_wait(settings):
    settings.PASSKEY_CHALLENGES_PER_NETWORK = 3
    client = Client()
    for _ in range(3):
        begin(client, "signin")
    answer = post(Client(), BEGIN, {"purpose": "join"})
    refused(answer, 429, "too_many_challenges")
    assert int(answer["Retry-After"]) > 0
    assert post(Client(REMOTE_ADDR="198.51.100.1"), BEGIN, {"purpose": "join"}).status_code == 200


def test_where_browsers_accept_no_passkeys_the_page_and_the_api_say_so(settings):
    settings.PASSKEY_ORIGIN = ""
    client = Client()
    refused(post(client, BEGIN, {"purpose": "signin"}), 404, "passkeys_not_offered")
    assert "Browsers accept no passkeys at the address of this site." in client.get("/join/").content.decode()
    settings.PASSKEY_ORIGIN = "http://localhost:8000"
    assert "http://localhost:8000/join/" in client.get("/join/").content.decode()


def test_questions_and_the_networks_that_asked_are_forgotten_after_a_day():
    begin(Client(), "signin")
    assert sweeping.forget(NOON + timedelta(hours=23)) == 0
    assert sweeping.forget(NOON + timedelta(hours=25)) == 1
    assert not PasskeyChallenge.objects.exists()


def test_a_visitor_cannot_add_a_passkey_and_a_strange_purpose_is_refused():
    refused(post(Client(), BEGIN, {"purpose": "add"}), 401, "no_reader")
    refused(post(Client(), BEGIN, {"purpose": "vote"}), 400, "malformed_field")
    assert clock.now() == NOON
    assert passkeys.PASSKEYS_MAX > 1
