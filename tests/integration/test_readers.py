"""People who follow without a wallet: joining by a link, following, settings, linking a wallet, going; and the attacks."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from governance.errors import Conflict
from governance.models import Account, Event, Follow, LogNode, Passkey, Reader, Record, SignInLink
from governance.readers import accounts, emails, following, linking, links, sweeping
from models_registry.models import Model
from tests.integration.conftest import NOON
from tests.integration.test_passkeys import begin, finish
from tests.simulators.authenticator import Authenticator
from tests.simulators.wallets import wallet

LEA, MAX = "lea@example.org", "max@example.org"
LINK = re.compile(r"http://testserver(/join/confirm/\S+)")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _site(db, settings, at, tmp_path):
    settings.STATIC_ROOT = tmp_path
    settings.PASSKEY_ORIGIN = "https://commons.example"
    at(NOON)


@pytest.fixture
def commons(list_community):
    return list_community()


def ask(email: str = LEA, client: Client | None = None, **more: str) -> Any:
    return (client or Client()).post("/join/", {"email": email, **more})


def link_in_letter(number: int = -1) -> str:
    found = LINK.search(mail.outbox[number].body)
    assert found is not None, mail.outbox[number].body
    return found[1]


def joined(email: str = LEA, client: Client | None = None) -> Client:
    client = client or Client()
    ask(email, client)
    answer = client.post(link_in_letter())
    assert answer.status_code == 302, answer.content
    return client


def with_wallet(name: str, client: Client | None = None) -> Client:
    client = client or Client()
    client.force_login(Account.objects.get_or_create(address=wallet(name).address)[0])
    return client


def follow(client: Client, kind: str, name: str, on: str = "1", **more: str) -> Any:
    return client.post("/follow/", {"kind": kind, "name": name, "follow": on, **more})


def page(client: Client, path: str = "/me/settings/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (answer.status_code, answer.content)
    return answer.content.decode()


def is_signed_in(client: Client) -> bool:
    return client.get("/me/settings/").status_code == 200


# --- joining by a link ------------------------------------------------------------------------------------------------


def test_somebody_joins_by_a_link_and_goes_on_where_they_were_and_comes_back_by_another_one(commons):
    client = Client()
    assert "voting" in page(client, "/join/").lower()
    answer = ask("  Lea@Example.ORG ", client, next="/c/gardens/")
    assert answer.status_code == 200
    assert LEA in answer.content.decode()
    [letter] = mail.outbox
    assert letter.to == [LEA]
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"
    assert not Reader.objects.exists(), "asking makes nobody"

    shown = client.get(link_in_letter())
    assert LEA in shown.content.decode()
    went = client.post(link_in_letter())
    assert (went.status_code, went["Location"]) == (302, "/c/gardens/")
    reader = Reader.objects.get()
    assert (reader.email, reader.email_confirmed_at, reader.address) == (LEA, NOON, None)

    client.post("/me/sign-out/")
    assert not is_signed_in(client)
    joined(LEA.upper(), client)
    assert Reader.objects.get() == reader


def test_a_letter_comes_in_the_language_of_the_page_and_letters_after_it_as_chosen():
    client = Client(headers={"accept-language": "fr"})
    joined(LEA, client)
    assert Reader.objects.get().language == "fr"
    client.post("/me/settings/language/", {"letters": "en"})
    assert Reader.objects.get().language == "en"
    assert client.post("/me/settings/language/", {"letters": "xx"}).status_code == 422


def test_a_site_without_mail_says_so_and_offers_passkeys(settings):
    settings.MAIL_OFFERED = False
    shown = page(Client(), "/join/")
    assert "sends no e-mail" in shown
    assert 'name="email"' not in shown
    assert 'data-passkey="signin"' not in shown, "the test's host is not the one of passkeys"
    assert ask().status_code == 503


def test_only_the_demo_shows_the_link_on_the_page(settings):
    assert "/join/confirm/" not in ask().content.decode()
    settings.DEMO = True
    shown = ask().content.decode()
    assert link_in_letter().partition("?")[0] in shown
    assert "Demo: nothing leaves this machine" in shown


def test_when_the_mail_server_fails_the_page_says_so_and_the_try_does_not_count(monkeypatch):
    from governance.mail import MailError

    def fail(permanent):
        def send(_letter):
            raise MailError("mail_deferred", "later", permanent=permanent)

        monkeypatch.setattr("governance.readers.links.send", send)

    fail(False)
    for _ in range(5):
        assert ask().status_code == 503
    fail(True)
    refused = ask()
    assert refused.status_code == 422
    assert "does not take letters" in refused.content.decode()
    assert not SignInLink.objects.exists()


# --- attacks on links -------------------------------------------------------------------------------------------------


def test_token_reuse_a_link_is_good_once():
    client = joined()
    again, thief = Client(), Client()
    for other in (again, thief):
        assert other.post(link_in_letter()).status_code == 404
        assert not is_signed_in(other)
    assert is_signed_in(client)


def test_scanner_prefetch_opening_a_link_as_mail_scanners_do_uses_nothing_up():
    ask()
    scanner = Client()
    for _ in range(5):
        assert scanner.get(link_in_letter()).status_code == 200
        assert scanner.head(link_in_letter()).status_code == 200
    assert not is_signed_in(scanner)
    assert not Reader.objects.exists()
    client = Client()
    client.post(link_in_letter())
    assert is_signed_in(client)


def test_a_link_is_good_for_half_an_hour(at, settings):
    ask()
    at(NOON + timedelta(seconds=settings.SIGN_IN_LINK_SECONDS))
    assert Client().get(link_in_letter()).status_code == 404
    assert Client().post(link_in_letter()).status_code == 404
    assert not Reader.objects.exists()


def test_a_stolen_database_opens_no_account():
    ask()
    token = link_in_letter().split("/")[3]
    kept = json.dumps(list(SignInLink.objects.values()), default=str)
    assert len(token) >= 43, "256 bits"
    assert token not in kept
    for digest in SignInLink.objects.values_list("digest", flat=True):
        assert Client().post(f"/join/confirm/{digest}/").status_code == 404


def test_enumeration_the_answer_is_the_same_whether_or_not_there_is_an_account():
    joined(LEA)
    known, unknown = ask(LEA), ask(MAX)
    plain = [
        re.sub(r"csrf\S+|value=\"\S+\"|nonce=\"\S+\"|content=\"\S+\"", "", one.content.decode())
        for one in (known, unknown)
    ]
    assert plain[0].replace(LEA, "") == plain[1].replace(MAX, "")
    assert known.status_code == unknown.status_code == 200
    bodies = [LINK.sub("", letter.body) for letter in mail.outbox[-2:]]
    assert bodies[0] == bodies[1]


def test_session_fixation_the_key_of_a_session_changes_at_signing_in():
    client = Client()
    client.post("/api/v1/auth/nonce", {"address": wallet("Alice").address}, content_type="application/json")
    planted = client.session.session_key
    joined(LEA, client)
    assert client.session.session_key != planted
    attacker = Client()
    attacker.cookies["sessionid"] = planted
    assert not is_signed_in(attacker)


def test_login_by_another_site_a_forged_press_of_the_button_is_refused():
    ask()
    victim = Client(enforce_csrf_checks=True)
    assert victim.post(link_in_letter()).status_code == 403
    assert victim.post("/follow/", {"kind": "community", "name": "gardens"}).status_code == 403
    assert not Reader.objects.exists()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_open_redirect_only_this_site_is_gone_on_to(target):
    client = Client()
    ask(LEA, client, next=target)
    assert "evil" not in mail.outbox[0].body
    assert client.post(link_in_letter(), {"next": target})["Location"] == "/me/settings/"
    assert client.get("/join/", {"next": target})["Location"] == "/me/settings/"
    assert follow(client, "community", "none", next=target).status_code == 404


def test_the_name_of_the_site_in_the_letter_is_never_the_hosts_word(settings):
    settings.ALLOWED_HOSTS = ["*"]
    Client().post("/join/", {"email": LEA}, headers={"host": "evil.example"})
    assert "evil" not in mail.outbox[0].body
    assert "http://testserver/join/confirm/" in mail.outbox[0].body


def test_flooding_a_mailbox_ends_after_a_few_letters_an_hour_and_those_still_work(at):
    for _ in range(6):
        assert ask(LEA).status_code == 200
    assert len(mail.outbox) == 3
    assert Client().post(link_in_letter(0)).status_code == 302
    at(NOON + HOUR)
    ask(LEA)
    assert len(mail.outbox) == 4


def test_one_loud_network_is_told_to_wait_and_others_are_heard(settings):
    settings.SIGN_IN_LINKS_PER_NETWORK = 4
    for number in range(4):
        ask(f"reader{number}@example.org")
    loud = ask(MAX)
    assert (loud.status_code, int(loud["Retry-After"])) == (429, 3600)
    assert len(mail.outbox) == 4
    assert Client(REMOTE_ADDR="198.51.100.7").post("/join/", {"email": MAX}).status_code == 200


def test_what_signing_in_left_behind_is_forgotten_after_a_day_and_no_network_address_is_ever_kept():
    ask()
    assert "127.0.0" not in json.dumps(list(SignInLink.objects.values()), default=str)
    assert sweeping.forget(NOON + 25 * HOUR) == 1


# --- addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Lea@Example.org", "lea@example.org"),
        ("lea+water@example.org", "lea+water@example.org"),
        ("l.e.a@example.org", "l.e.a@example.org"),
        ("lea@münchen.example", "lea@xn--mnchen-3ya.example"),
        ("lea@MÜNCHEN.example", "lea@xn--mnchen-3ya.example"),
        ("lea@xn--mnchen-3ya.example", "lea@xn--mnchen-3ya.example"),
        ("o'neil@example.org", "o'neil@example.org"),
    ],
)
def test_one_mailbox_has_one_form(written, kept):
    assert emails.normal(written) == kept
    assert emails.normal(kept) == kept


@pytest.mark.parametrize(
    "written",
    ["", "lea", "@example.org", "lea@", "lea@localhost", "a@b@example.org", "lea@[127.0.0.1]", '"l a"@example.org',
     "lea@example.org\r\nBcc: all@example.org", "lea\n@example.org", "léa@example.org", "lea@exa mple.org", "lea@-a.org",
     f"{'a' * 65}@example.org", f"lea@{'a' * 64}.org", f"lea@{'a.' * 130}org", "lea@example..org", "lea@example.org,b@c.org",
     "Lea <lea@example.org>", "l\u202ea@example.org", "lea@example.org\u200b", "\x00@example.org", "lea@exa\x00mple.org"],
)  # fmt: skip
def test_what_no_letter_can_be_sent_to_is_refused_in_words_and_nothing_is_sent(written):
    answer = ask(written)
    assert answer.status_code in {400, 422}
    assert 'role="alert"' in answer.content.decode() or answer.status_code == 400
    assert mail.outbox == []


# --- following ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def followable(commons):
    """A community, a proposal and a model: what can be followed, as (kind, name, page)."""
    proposal = commons.propose()
    Model.objects.create(
        community=commons.community, namespace="commons", name="water", title_en="Water", title_fr="Eau", license="mit"
    )
    slug = commons.community.slug
    return [
        ("community", slug, f"/c/{slug}/"),
        ("proposal", proposal.public_id, f"/c/{slug}/proposals/{proposal.number}/"),
        ("model", "commons/water", "/models/commons/water/"),
    ]


def test_a_reader_follows_a_community_a_decision_and_a_model_and_ends_it(followable):
    client = joined()
    for kind, name, path in followable:
        assert "Following" not in page(client, path)
        answer = follow(client, kind, name, next=path)
        assert (answer.status_code, answer["Location"]) == (302, path)
        follow(client, kind, name)
        assert "Following" in page(client, path)
        assert path in page(client)
    assert Follow.objects.count() == 3
    assert [row["kind"] for row in client.get("/api/v1/me/follows").json()] == ["community", "model", "proposal"]

    follow(client, "community", followable[0][1], on="0")
    row = Follow.objects.get(proposal__isnull=False)
    client.post("/me/settings/unfollow/", {"follow": row.pk})
    assert client.delete(f"/api/v1/me/follows/{Follow.objects.get().pk}").status_code == 204
    assert not Follow.objects.exists()
    assert client.post("/me/settings/unfollow/", {"follow": "x"}).status_code == 404


def test_the_button_answers_htmx_with_itself_and_says_what_happened(followable):
    client = joined()
    answer = client.post(
        "/follow/", {"kind": "community", "name": followable[0][1], "follow": "1"}, headers={"HX-Request": "true"}
    )
    shown = answer.content.decode()
    assert shown.lstrip().startswith("<form")
    assert "You follow this now." in shown
    assert 'value="0"' in shown


def test_a_visitor_who_wants_to_follow_is_asked_to_join_and_how_many_follow_is_nobodys_business(followable):
    joined_one = joined()
    kind, name, path = followable[0]
    follow(joined_one, kind, name)
    visitor = Client()
    answer = follow(visitor, kind, name, next=path)
    assert answer["Location"] == "/join/?next=%2Fc%2Fgardens%2F"
    shown = page(visitor, path)
    assert "/join/?next=" in shown
    assert "1 follow" not in shown
    assert visitor.get("/api/v1/me/follows").status_code == 401


def test_a_member_follows_with_the_wallet_alone_and_finds_it_again(followable):
    client = with_wallet("Alice")
    follow(client, *followable[0][:2])
    reader = Reader.objects.get()
    assert (reader.address, reader.email) == (wallet("Alice").address, None)
    assert "Following" in page(with_wallet("Alice"), followable[0][2])
    assert "Following" not in page(with_wallet("Bob"), followable[0][2])


def test_follows_over_the_api_and_what_is_not_there(followable):
    client = joined()
    for kind, name, _path in followable:
        answer = client.post("/api/v1/me/follows", {"kind": kind, "name": name}, content_type="application/json")
        assert answer.status_code == 201
    for kind, name, code in (
        ("community", "none", "unknown_community"),
        ("proposal", "0x00", "unknown_proposal"),
        ("proposal", "gardens/99", "unknown_proposal"),
        ("proposal", "gardens/9999999999999999999", "unknown_proposal"),
        ("model", "commons/none", "unknown_model"),
        ("model", "none", "unknown_model"),
        ("person", "x", "malformed_field"),
    ):
        answer = client.post("/api/v1/me/follows", {"kind": kind, "name": name}, content_type="application/json")
        assert answer.json()["code"] == code
        assert follow(client, kind, name).status_code in {400, 404}
    other = joined(MAX)
    assert other.delete(f"/api/v1/me/follows/{Follow.objects.first().pk}").status_code == 404
    assert Follow.objects.count() == 3


def test_nobody_follows_a_draft(commons):
    draft = commons.draft()
    assert follow(joined(), "proposal", f"gardens/{draft.number}").status_code == 404


def test_there_is_an_end_to_what_one_reader_follows(commons, monkeypatch):
    monkeypatch.setattr(following, "FOLLOWS_MAX", 0)
    assert follow(joined(), "community", "gardens").status_code == 429


# --- a reader is not a member -----------------------------------------------------------------------------------------


def test_impersonation_a_reader_who_is_linked_to_an_address_can_do_nothing_that_the_wallet_can(commons):
    """Signed in by e-mail alone, with Alice's address on the row: no service takes it for her."""
    client = joined()
    Reader.objects.update(address=wallet("Alice").address)
    assert client.get("/api/v1/auth/session").json() == {"address": None}
    draft = {"community": "gardens", "kind": "text_signal", "title": "T", "text": "", "payload": {"statement": "Yes."}}
    for path, body in (
        ("drafts", draft),
        ("communities/gardens/statement", {"statement": "I am Alice."}),
    ):
        answer = client.generic("POST", f"/api/v1/{path}", json.dumps(body), content_type="application/json")
        if answer.status_code == 405:
            answer = client.generic("PUT", f"/api/v1/{path}", json.dumps(body), content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    for path in ("/c/gardens/propose/text_signal/", "/c/gardens/machines/register/"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/")
    assert wallet("Alice").address not in page(client, "/c/gardens/").split("<main")[0]


# --- linking ------------------------------------------------------------------------------------------------------------


def test_a_reader_signs_in_with_a_wallet_and_says_that_both_are_theirs(followable):
    client = joined()
    follow(client, *followable[0][:2])
    with_wallet("Alice", client)
    assert "Are both yours?" in page(client)
    client.post("/me/settings/link/")
    assert Reader.objects.get().address == wallet("Alice").address
    assert "Are both yours?" not in page(client)
    assert "Following" in page(with_wallet("Alice"), followable[0][2])


def test_takeover_by_linking_a_session_that_somebody_left_open_gets_no_wallet_without_a_word():
    """The attacker leaves a reader's session behind; the victim signs in with a wallet there, follows, and leaves."""
    browser = joined(MAX)
    with_wallet("Alice", browser)
    page(browser)
    browser.get("/")
    assert Reader.objects.get(email=MAX).address is None
    assert not Reader.objects.filter(address=wallet("Alice").address).exists()


def test_two_accounts_of_one_person_become_one_with_all_that_they_had(followable):
    client = with_wallet("Alice")
    follow(client, *followable[0][:2])
    follow(client, *followable[1][:2])
    other = joined()
    device = Authenticator()
    assert finish(other, "add", device.create(begin(other, "add"))).status_code == 200
    follow(other, *followable[0][:2])
    follow(other, *followable[2][:2])
    with_wallet("Alice", other)
    other.post("/me/settings/link/")
    reader = Reader.objects.get()
    assert (reader.address, reader.email, reader.follows.count()) == (wallet("Alice").address, LEA, 3)
    assert is_signed_in(other)

    again = Client()
    assert finish(again, "signin", device.get(begin(again, "signin"))).status_code == 200, "the old passkey still knows"
    assert Passkey.objects.get().reader == reader


def test_where_both_have_an_e_mail_address_the_person_says_which_is_kept(at):
    member = with_wallet("Alice")
    member.post("/me/settings/email/", {"email": "alice@example.org"})
    member.post(link_in_letter())
    client = joined()
    with_wallet("Alice", client)
    assert "alice@example.org" in page(client)
    assert client.post("/me/settings/link/").status_code == 409
    assert Reader.objects.count() == 2
    client.post("/me/settings/link/", {"keep": "wallet"})
    assert Reader.objects.get().email == "alice@example.org"


def test_a_reader_of_one_wallet_is_never_given_another():
    client = joined()
    with_wallet("Alice", client)
    client.post("/me/settings/link/")
    client.logout()
    joined(LEA, client)
    client.force_login(Account.objects.get_or_create(address=wallet("Bob").address)[0])
    client.post("/me/settings/link/")
    assert Reader.objects.get(email=LEA).address == wallet("Alice").address
    with pytest.raises(Conflict):
        linking.link(Reader.objects.get(email=LEA), wallet("Bob").address, NOON)


def test_takeover_of_an_e_mail_address_a_link_that_adds_one_works_only_for_who_asked():
    attacker = joined(MAX)
    attacker.post("/me/settings/email/", {"email": LEA})
    link = link_in_letter()
    victim = Client()
    assert "only in the browser" in victim.get(link).content.decode()
    assert victim.post(link).status_code == 403
    assert not is_signed_in(victim)
    victim = joined(LEA, victim)
    assert victim.post(link).status_code == 403, "nor with an account of their own"
    assert Reader.objects.get(email=MAX) != Reader.objects.get(email=LEA)
    assert SignInLink.objects.filter(purpose="add", used_at__isnull=True).exists(), "and is not used up by it"


def test_a_changed_e_mail_address_ends_links_to_the_old_one_and_the_sessions_that_came_by_it():
    client, thief = joined(), Client()
    ask(LEA)
    old = link_in_letter()
    ask(LEA)
    thief.post(link_in_letter())
    assert is_signed_in(thief)
    client.post("/me/settings/email/", {"email": MAX})
    client.post(link_in_letter())
    assert Reader.objects.get().email == MAX
    assert is_signed_in(client)
    assert not is_signed_in(thief)
    assert Client().post(old).status_code == 404


def test_a_member_adds_the_address_of_their_own_older_account_and_both_become_one(followable):
    follow(joined(), *followable[0][:2])
    member = with_wallet("Alice")
    follow(member, *followable[2][:2])
    member.post("/me/settings/email/", {"email": LEA})
    member.post(link_in_letter())
    reader = Reader.objects.get()
    assert (reader.address, reader.email, reader.follows.count()) == (wallet("Alice").address, LEA, 2)


def test_an_address_of_another_wallets_account_is_not_added(commons):
    first = with_wallet("Alice")
    first.post("/me/settings/email/", {"email": LEA})
    first.post(link_in_letter())
    second = with_wallet("Bob")
    second.post("/me/settings/email/", {"email": LEA})
    assert second.post(link_in_letter()).status_code == 409
    assert Reader.objects.get(email=LEA).address == wallet("Alice").address


def test_the_last_way_in_is_not_removed_by_mistake():
    client = joined()
    assert client.post("/me/settings/email/remove/").status_code == 409
    assert finish(client, "add", Authenticator().create(begin(client, "add"))).status_code == 200
    assert client.post("/me/settings/email/remove/").status_code == 302
    assert Reader.objects.get().email is None
    assert is_signed_in(client)


# --- what is kept, and going ----------------------------------------------------------------------------------------------


def test_everything_that_is_kept_can_be_downloaded_and_no_secret_is_in_it(followable):
    client = joined()
    finish(client, "add", Authenticator().create(begin(client, "add")))
    follow(client, *followable[2][:2])
    answer = client.get("/me/download/")
    assert "attachment" in answer["Content-Disposition"]
    kept = answer.json()
    assert kept["reader"]["email"] == LEA
    assert kept["follow"][0]["model_name"] == "commons/water"
    assert kept["passkey"][0]["name"] == "phone"
    assert kept["signinlink"][0]["email"] == LEA
    reader, link = Reader.objects.get(), SignInLink.objects.get()
    for secret in (reader.stamp, link.digest):
        assert secret not in answer.content.decode()
    relations = {relation.related_model._meta.model_name for relation in Reader._meta.related_objects}
    assert relations <= kept.keys(), "also what other parts of the site keep"


def test_erasure_nothing_about_a_reader_is_left_and_nothing_was_ever_in_the_log(followable):
    logged = (Event.objects.count(), LogNode.objects.count(), Record.objects.count())
    client = joined()
    for kind, name, _path in followable:
        follow(client, kind, name)
    finish(client, "add", Authenticator().create(begin(client, "add")))
    assert "Delete everything" in page(client, "/me/delete/")
    assert Reader.objects.exists(), "looking deletes nothing"
    client.post("/me/delete/")
    assert not Reader.objects.exists()
    assert not SignInLink.objects.exists()
    assert not Follow.objects.exists()
    assert not Passkey.objects.exists()
    assert not is_signed_in(client)
    assert (Event.objects.count(), LogNode.objects.count(), Record.objects.count()) == logged
    assert LEA not in json.dumps(list(Event.objects.values()), default=str)


def test_a_deleted_account_ends_its_sessions_everywhere_and_may_begin_anew():
    here, there = joined(), joined()
    here.post("/me/delete/")
    assert not is_signed_in(there)
    joined()
    assert Reader.objects.count() == 1


def test_one_readers_settings_are_not_anothers(commons):
    one, other = joined(LEA), joined(MAX)
    finish(one, "add", Authenticator().create(begin(one, "add")))
    key = Passkey.objects.get()
    assert other.post("/me/settings/passkey/", {"passkey": key.pk, "remove": "1"}).status_code == 404
    assert other.post("/me/settings/passkey/", {"passkey": key.pk, "name": "mine"}).status_code == 404
    follow(one, "community", "gardens")
    assert other.post("/me/settings/unfollow/", {"follow": Follow.objects.get().pk}).status_code == 404
    assert LEA not in page(other)


@pytest.mark.parametrize("path", ["email/", "email/remove/", "passkey/", "unfollow/", "language/", "link/"])
def test_settings_change_by_a_press_of_somebody_signed_in_and_by_nothing_else(path):
    assert Client().get(f"/me/settings/{path}").status_code == 405
    answer = Client().post(f"/me/settings/{path}")
    assert answer.status_code in {302, 401}
    assert not Reader.objects.exists()


def test_the_pages_say_everything_in_french_too():
    client = joined(LEA, Client(headers={"accept-language": "fr"}))
    assert 'lang="fr"' in page(client)
    assert accounts.known_language("xx") == "en"


def test_a_race_two_presses_at_once_of_one_link_sign_in_one(commons):
    ask()
    token = link_in_letter().split("/")[3]
    assert links.look(token, NOON)
    links.use_to_join(token, NOON)
    answer = Client().post(f"/join/confirm/{token}/")
    assert answer.status_code == 404
    assert "used" in answer.content.decode()
