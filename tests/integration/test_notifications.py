"""Who is told of what: each topic reaches those whom it concerns and nobody else, once, as they want to hear of it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import translation

from frontend import news
from governance import services
from governance.models import (
    Announcement,
    Event,
    LetterErrand,
    MutedCommunity,
    NewsCursor,
    Notification,
    Postbox,
    Preference,
    Proposal,
    Reader,
)
from governance.notifications import inbox, letters, planning, preferences, telling
from governance.notifications.planning import Facts
from governance.notifications.topics import TOPICS, Channel
from governance.statements import counting
from governance.statements import services as statements
from tests.integration.commons import SECOND, end_of
from tests.integration.conftest import AGAINST, FOR, NOON
from tests.integration.readers_told import follow, kinds, letters_of, plan, reader
from tests.integration.sealed_votes import KEYHOLDERS, SealedVote, found_sealed
from tests.simulators.wallets import wallet

DAY = timedelta(days=1)


@pytest.fixture
def commons(list_community):
    return list_community()


@pytest.fixture
def members(commons):
    """A reader for each member, by wallet, with an e-mail address."""
    return {
        name: reader(NOON, address=commons.address(name), email=f"{name.lower()}@example.org".replace("é", "e"))
        for name in ("Alice", "Bob", "Chloé", "Daouda")
    }


@pytest.fixture
def stranger(commons):
    """Somebody who follows nothing and has no power."""
    return reader(NOON, email="nobody@example.org", address=commons.address("Zoé"))


def follower(commons, **what):
    who = reader(NOON, email=f"follower-{Reader.objects.count()}@example.org")
    follow(who, commons.community, NOON, **what)
    return who


def told_of(who, kind):
    return [each for each in kinds(who) if each.endswith(f":{kind}")]


def said(who):
    rows = [line.announcement for line in who.notifications.select_related("announcement__community").order_by("pk")]
    return [news.told(each) for each in telling.of_announcements(rows)]


# --- keyholders and consultations ---------------------------------------------------------------------------------


@pytest.fixture
def sealed_vote(db, settings):
    settings.CHAIN_RPC, settings.VOTING_PERIOD_SECONDS_MIN = "http://127.0.0.1:9", 1
    return SealedVote.submitted(found_sealed(NOON, keys_wait_seconds=40))


def test_keyholders_are_asked_for_keys_and_secrets_and_reminded_until_they_have_given_them(sealed_vote):
    vote, one_day = sealed_vote, NOON + timedelta(days=1)
    people = {name: reader(NOON, address=wallet(name).address, email=f"{name[0]}@example.org") for name in KEYHOLDERS}
    alice = reader(NOON, address=wallet("Alice").address)
    plan(NOON)
    assert [told_of(who, "proposal_submitted") for who in people.values()] == [
        ["keyholder_duty:proposal_submitted"]
    ] * 3
    (asked,) = said(people["Emma"])
    assert asked.path == f"/c/gardens/proposals/{vote.proposal.number}/keys/"
    vote.publish_key("Emma")
    vote.publish_key("Farid")
    plan(NOON + 31 * SECOND)
    assert [told_of(who, "key_due") for who in people.values()] == [[], [], ["keyholder_duty:key_due"]]
    services.take_census(vote.proposal.pk, NOON + 40 * SECOND)
    plan(vote.during)
    assert told_of(people["Gaëlle"], "opens") == ["vote_opened:opens"], "also who has no vote"
    end = end_of(vote.proposal)
    plan(end)
    assert [told_of(who, "opening_asked") for who in people.values()] == [["keyholder_duty:opening_asked"]] * 2 + [[]]
    [letter] = people["Farid"].letters.filter(announcement__kind="opening_asked")
    claimed = letters.claim(letter.pk, end)
    assert [each.announcement.kind for each in letters.lines(claimed, end)] == ["opening_asked"]
    vote.publish_secret("Farid", end)
    assert letters.lines(claimed, end) == [], "nobody is asked for what they gave"
    plan(end + 50 * SECOND)
    assert [told_of(who, "opening_due") for who in people.values()] == [["keyholder_duty:opening_due"], [], []]
    services.close_voting(vote.proposal.pk, end + 60 * SECOND)
    plan(one_day)
    assert [told_of(who, "opening_due") for who in people.values()] == [["keyholder_duty:opening_due"], [], []]
    assert not [each for each in kinds(alice) if each.startswith("keyholder_duty")]


def test_what_the_community_is_asked_is_told_to_those_with_power_and_to_followers(commons, members, stranger):
    commons.vote(commons.propose(author="Alice"), "Bob", FOR)
    plan(NOON + 60 * SECOND)
    fan, then = follower(commons), NOON + timedelta(hours=1)
    asked = statements.Asked("Which well first?", "", 7, ["The upper one is in danger."])
    consultation = statements.open_consultation(commons.community, commons.address("Alice"), asked, then)
    plan(then)
    assert told_of(fan, "consultation_opened") == told_of(members["Bob"], "consultation_opened") == [
        "consulted:consultation_opened"]  # fmt: skip
    assert [kinds(stranger), told_of(members["Alice"], "consultation_opened")] == [[], []]
    what = said(fan)[-1]
    assert what.sentence == "Alice asks what people in Gardens think: “Which well first?”."
    assert what.path == f"/c/gardens/consultations/{consultation.number}/"
    plan(then + timedelta(days=5, hours=23))
    assert told_of(fan, "consultation_ends") == []
    plan(then + timedelta(days=6))
    assert told_of(fan, "consultation_ends") == ["consultation_ends:consultation_ends"]
    counting.settle(then + timedelta(days=7))
    plan(then + timedelta(days=7))
    for who in (fan, members["Alice"]):
        assert told_of(who, "consultation_counted") == ["consultation_counted:consultation_counted"]
    feed = Client().get("/c/gardens/feed/").content.decode()
    assert "What do you think? Which well first?" in feed
    assert "The answers to “Which well first?” in Gardens are counted." in feed


# --- votes --------------------------------------------------------------------------------------------------------


def test_when_a_vote_opens_its_voters_and_followers_are_told_once(commons, members, stranger):
    fan = follower(commons)
    proposal = commons.propose(author="Alice")
    plan(NOON + SECOND)
    assert [kinds(who) for who in (*members.values(), fan)] == [[]] * 5, "it has not opened yet"
    for seconds in (10, 11, 60):
        plan(NOON + seconds * SECOND)
    assert told_of(fan, "opens") == told_of(members["Bob"], "opens") == ["vote_opened:opens"]
    assert kinds(stranger) == []
    (what,) = said(fan)
    assert what.sentence.startswith("Voting on “A text_signal” in Gardens has opened; it ends on ")
    assert what.path == f"/c/gardens/proposals/{proposal.number}/"


def test_whoever_can_vote_and_has_not_is_asked_before_the_end_and_followers_are_told(commons, members, stranger):
    fan = follower(commons)
    proposal = commons.propose()
    commons.vote(proposal, "Bob", FOR)
    plan(end_of(proposal) - 26 * SECOND)
    assert told_of(members["Alice"], "ends_soon") == [], "three quarters are not over"
    for seconds in (25, 10):
        plan(end_of(proposal) - seconds * SECOND)
    assert told_of(members["Alice"], "ends_soon") == ["vote_waits_for_you:ends_soon"]
    assert told_of(members["Bob"], "ends_soon") == [], "Bob has voted"
    assert told_of(fan, "ends_soon") == ["vote_ends:ends_soon"]
    assert kinds(stranger) == []
    assert "now" in letters_of(members["Alice"])
    assert "now" not in letters_of(fan)


def test_a_vote_of_a_week_ends_soon_a_day_before_its_end(list_community):
    commons = list_community(tiers={"standard": {"voting_period_seconds": 7 * 24 * 3600}})
    alice = reader(NOON, address=commons.address("Alice"))
    proposal = commons.propose()
    plan(end_of(proposal) - DAY - SECOND)
    assert told_of(alice, "ends_soon") == []
    plan(end_of(proposal) - DAY)
    assert told_of(alice, "ends_soon") == ["vote_waits_for_you:ends_soon"]


def test_a_delegator_hears_how_their_delegate_voted_and_that_their_own_ballot_would_count(commons, members):
    commons.delegate("Bob", "Alice")
    commons.delegate("Chloé", "Alice")
    proposal = commons.propose(author="Daouda")
    commons.vote(proposal, "Chloé", AGAINST)
    now = proposal.opens_at + 6 * SECOND
    services.cast_ballot(commons.sign_ballot(proposal, "Alice", FOR, now, reason="The wells\nare dry."), now)
    plan(now)
    assert told_of(members["Bob"], "ballot_cast") == ["delegate_voted:ballot_cast"]
    assert told_of(members["Chloé"], "ballot_cast") == [], "Chloé votes herself"
    assert told_of(members["Alice"], "ballot_cast") == told_of(members["Daouda"], "ballot_cast") == []
    what = next(each for each in said(members["Bob"]) if each.news.kind == "ballot_cast")
    assert what.sentence == "Alice, whom you lent your power, voted on “A text_signal”: For."
    assert what.more == (
        "Their reason: “The wells are dry.” "
        "If you vote yourself, your own ballot counts and theirs does not use your power."
    )
    assert what.subject == "Your delegate voted: A text_signal"


def test_a_delegation_made_after_the_snapshot_brings_no_news_of_that_vote(commons, members):
    proposal = commons.propose()
    commons.delegate("Bob", "Alice", now=NOON + 2 * SECOND)
    commons.vote(proposal, "Alice", FOR)
    plan(proposal.opens_at + 6 * SECOND)
    assert told_of(members["Bob"], "ballot_cast") == []


def test_a_delegate_hears_who_lends_power_and_who_takes_it_back(commons, members, stranger):
    commons.delegate("Bob", "Alice")
    commons.delegate("Bob", "Alice", 0, now=NOON + SECOND)
    plan(NOON + 2 * SECOND)
    assert kinds(members["Alice"]) == ["power_lent:delegation_made", "power_lent:delegation_revoked"]
    assert kinds(members["Bob"]) == kinds(stranger) == []
    assert said(members["Alice"])[0].sentence.startswith("Bob lends you voting power in Gardens")
    assert said(members["Alice"])[0].path == f"/c/gardens/delegates/{commons.address('Alice')}/"


@pytest.mark.parametrize(("choice", "word"), [(FOR, "passed"), (AGAINST, "did not pass")])
def test_what_became_of_a_vote_is_told_with_the_reason(commons, members, stranger, choice, word):
    fan, other = follower(commons), follower(commons, model="gardens/other")
    proposal = commons.propose(author="Alice")
    decision_fan = reader(NOON)
    follow(decision_fan, commons.community, NOON, proposal=proposal)
    commons.vote(proposal, "Bob", choice)
    now = end_of(proposal)
    commons.queued(proposal)
    plan(now)
    for who, topic in ((fan, "decided"), (decision_fan, "decided"), (members["Bob"], "decided")):
        assert told_of(who, "voting_closed") == [f"{topic}:voting_closed"]
    assert told_of(members["Alice"], "voting_closed") == ["own_proposal:voting_closed"], "the author, first of all"
    assert [told_of(who, "voting_closed") for who in (members["Chloé"], stranger, other)] == [[], [], []]
    what = next(each for each in said(fan) if each.news.kind == "voting_closed")
    assert word in what.sentence
    reason = (
        "Quorum: 30 votes took part, 20 were needed."
        if choice == FOR
        else "Quorum: only 0 votes took part of the 20 needed."
    )
    assert what.sentence.endswith(reason)


def test_a_proposal_that_a_guardian_stops_or_its_author_withdraws(commons, members):
    commons.elect("Bob", "Chloé", "Daouda", "Alice", seats=3, now=NOON)
    later = NOON + 1000 * SECOND
    plan(later)
    Notification.objects.all().delete()
    proposal = commons.propose(author="Alice", now=later)
    fan = reader(later)
    follow(fan, commons.community, later, proposal=proposal)
    commons.vote(proposal, "Alice", FOR)
    queued = commons.queued(proposal)
    now = queued.eta - SECOND
    for name in ("Bob", "Chloé"):
        services.veto(proposal.pk, commons.address(name), "It dries the lower wells.", now)
    plan(now)
    assert told_of(members["Daouda"], "proposal_queued") == ["guardian_duty:proposal_queued"]
    assert told_of(members["Alice"], "proposal_queued") == []
    assert told_of(members["Alice"], "veto_voiced") == ["own_proposal:veto_voiced"] * 2
    assert told_of(members["Alice"], "proposal_vetoed") == ["own_proposal:proposal_vetoed"]
    assert told_of(fan, "proposal_vetoed") == ["stopped:proposal_vetoed"]
    assert told_of(fan, "veto_voiced") == []
    first = next(each for each in said(members["Alice"]) if each.news.kind == "veto_voiced")
    assert first.sentence.endswith("It dries the lower wells.")


def test_members_with_power_hear_of_a_draft_that_seeks_sponsors_and_nobody_of_one_that_was_discarded(commons, members):
    fan = follower(commons)
    commons.propose(author="Bob")  # the newest census is this one's
    draft = commons.draft(author="Alice")
    services.seek_sponsors(draft.pk, commons.address("Alice"), NOON + SECOND)
    commons.sponsor(draft, "Bob", NOON + 2 * SECOND)
    services.cancel(draft.pk, commons.address("Alice"), "No.", NOON + 3 * SECOND)
    plan(NOON + 4 * SECOND)
    assert told_of(members["Chloé"], "draft_seeks_sponsors") == ["sponsors_sought:draft_seeks_sponsors"]
    assert told_of(members["Alice"], "draft_seeks_sponsors") == [], "it is her own"
    assert told_of(members["Alice"], "draft_sponsored") == ["own_proposal:draft_sponsored"]
    assert kinds(fan) == [], "a draft is its author's"
    assert said(members["Chloé"])[0].path == f"/c/gardens/sponsor/{draft.pk}/"


# --- what came of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "topic"),
    [
        ("run_created", {"run": 7}, "run_started"),
        ("run_judged", {"run": 7, "verdict": "rejected", "rules": ["no-harm"]}, "run_ended"),
        ("run_judged", {"run": 7, "verdict": "accepted", "rules": []}, "run_ended"),
        ("run_failed", {"run": 7, "code": "out_of_memory"}, "run_ended"),
        ("run_canceled", {"run": 7}, "run_ended"),
        ("run_paused", {"run": 7, "reason": "Wait."}, "run_ended"),
        ("run_at_ceiling", {"run": 7, "amount": "5", "currency": "EUR"}, "run_ended"),
        ("run_ceiling_raised", {"run": 7, "amount": "5", "before": "2", "currency": "EUR"}, "run_started"),
        ("version_released", {"revision": "a" * 40, "version": 3}, "released"),
        ("release_paused", {"revision": "a" * 40, "version": 3, "reason": "Wait."}, "release_stopped"),
        ("release_held", {"revision": "a" * 40, "version": 3, "reason": "Wait."}, "release_stopped"),
        ("release_pause_ended", {"revision": "a" * 40, "version": 3, "reason": "Go."}, "release_stopped"),
        ("release_withdrawn", {"revision": "a" * 40, "version": 3, "reason": "Wrong."}, "release_stopped"),
        ("release_rolled_back", {"revision": "a" * 40, "version": 3, "reason": "Worse."}, "release_stopped"),
        ("incident_reported", {"revision": "a" * 40, "version": 3, "incident": 1}, "incident"),
        ("incident_answered", {"revision": "a" * 40, "version": 3, "incident": 1, "reason": "Fixed."}, "incident"),
        ("revote_called", {"revision": "a" * 40, "version": 3, "call": 1}, "revote"),
    ],
)
def test_followers_of_the_model_hear_what_became_of_it_and_those_of_another_do_not(commons, kind, data, topic):
    fan, other = follower(commons, model="gardens/well"), follower(commons, model="gardens/other")
    proposal = commons.propose()
    services.note(kind, NOON + SECOND, proposal=proposal, **data)
    names = {"title_en": "The well model", "title_fr": "Le modèle du puits"}
    plan(NOON + SECOND, lambda event: Facts(model="gardens/well" if event.kind == kind else "", said=names))
    assert kinds(fan) == [f"{topic}:{kind}"]
    assert kinds(other) == []
    for language in ("en", "fr"):
        with translation.override(language):
            (what,) = said(fan)
        assert names[f"title_{language}"] in what.sentence
        assert "%(" not in what.sentence + what.subject
        assert what.path.startswith(("/runs/7/", f"/releases/{'a' * 40}/", "/c/gardens/incidents/1/"))


def test_stewards_and_keepers_hear_what_waits_for_them(commons, members):
    services.note("incident_reported", NOON, community=commons.community, revision="a" * 40, incident=1)
    people = {"steward": [commons.address("Bob")], "keeper": [commons.address("Chloé")]}
    services.note("openings_awaited", NOON, proposal=commons.propose(), run=1, until=1_800_000_000)
    plan(NOON, lambda _event: Facts(people=people))
    assert kinds(members["Bob"]) == ["steward_duty:incident_reported"]
    assert kinds(members["Chloé"]) == ["keeper_duty:openings_awaited"]
    assert letters_of(members["Bob"]) == ["now"]


def test_an_author_hears_that_the_next_step_is_held_up_in_words(commons, members):
    proposal = commons.propose(author="Alice")
    services.note_once(proposal.pk, "step_refused", NOON, code="blocked_payload_missing", detail="it is gone")
    services.note_once(proposal.pk, "step_refused", NOON, code="blocked_payload_missing", detail="it is gone")
    plan(NOON)
    assert told_of(members["Alice"], "step_refused") == ["own_proposal:step_refused"]
    assert kinds(members["Bob"]) == []


# --- once, whatever happens -----------------------------------------------------------------------------------------


def test_nobody_is_told_twice_when_planning_is_killed_between_any_two_steps(commons, members, monkeypatch):
    proposal = commons.propose(author="Alice")
    commons.vote(proposal, "Bob", FOR)
    commons.queued(proposal)
    now = end_of(proposal)
    for name in ("_announce", "put_into_inboxes"):
        real = getattr(planning, name)

        def killed(*args, real=real):
            real(*args)
            raise KeyboardInterrupt

        monkeypatch.setattr(planning, name, killed)
        with pytest.raises(KeyboardInterrupt):
            plan(now)
        monkeypatch.setattr(planning, name, real)
        assert Notification.objects.count() == 0, "a step is whole or not at all"
    plan(now)
    before = {name: kinds(who) for name, who in members.items()}
    assert before["Alice"]
    NewsCursor.objects.update(position=0)  # as if the log were read anew
    Announcement.objects.update(done_at=None, reader_cursor=0)
    plan(now)
    assert {name: kinds(who) for name, who in members.items()} == before
    assert LetterErrand.objects.count() == LetterErrand.objects.values("reader", "key").distinct().count()


def test_the_database_itself_refuses_to_tell_one_thing_twice(commons, members):
    commons.delegate("Bob", "Alice")
    plan(NOON)
    line = Notification.objects.get(reader=members["Alice"])
    with pytest.raises(IntegrityError, match=r"UNIQUE|told_once"), transaction.atomic():
        Notification.objects.create(
            reader=line.reader, announcement=line.announcement, key=line.key, channel="now", at=NOON
        )


def test_many_readers_are_told_in_bounded_steps(commons, monkeypatch):
    monkeypatch.setattr(planning, "READERS_AT_ONCE", 3)
    monkeypatch.setattr(planning, "READERS_PER_SWEEP", 6)
    fans = [reader(NOON) for _ in range(8)]
    for fan in fans:
        follow(fan, commons.community, NOON)
    proposal = commons.propose()
    services.cancel(proposal.pk, commons.address("Alice"), "Not now.", NOON + SECOND)
    assert plan(NOON + 2 * SECOND) == 6
    assert plan(NOON + 2 * SECOND) == 2
    assert all(kinds(fan) == ["stopped:proposal_canceled"] for fan in fans)


def test_old_news_is_not_told_after_a_long_silence_and_the_log_goes_on(commons, members):
    commons.delegate("Bob", "Alice")
    plan(NOON + 4 * DAY)
    assert kinds(members["Alice"]) == []
    assert NewsCursor.objects.get().position == Event.objects.filter(community=commons.community).count()


# --- as they want it ------------------------------------------------------------------------------------------------


def test_defaults_wishes_and_muting_decide_how_one_hears(commons, members):
    preferences.wish(members["Bob"], {"decided": "now", "vote_opened": "off"})
    preferences.wish(members["Chloé"], {"vote_opened": "inbox", "decided": "off"})
    preferences.mute(members["Daouda"], commons.community, muted=True)
    proposal = commons.propose(author="Alice")
    for name in ("Bob", "Chloé", "Daouda"):
        commons.vote(proposal, name, FOR)
    plan(proposal.opens_at + 6 * SECOND)
    commons.queued(proposal)
    plan(end_of(proposal))
    assert kinds(members["Bob"]) == ["decided:voting_closed"]
    assert letters_of(members["Bob"]) == ["now"]
    assert kinds(members["Chloé"]) == ["vote_opened:opens"]
    assert letters_of(members["Chloé"]) == []
    assert kinds(members["Daouda"]) == []
    assert letters_of(members["Alice"]) == ["daily", "now"], "the opening; what becomes of her own proposal"


def test_what_is_switched_off_under_one_topic_still_comes_under_another(commons, members):
    preferences.wish(members["Alice"], {"own_proposal": "off"})
    follow(members["Alice"], commons.community, NOON)
    proposal = commons.propose(author="Alice")
    commons.queued(proposal)
    plan(end_of(proposal))
    assert told_of(members["Alice"], "voting_closed") == ["decided:voting_closed"]


def test_only_what_differs_from_the_table_is_stored(members):
    preferences.wish(members["Bob"], {topic.key: topic.default for topic in TOPICS})
    assert Preference.objects.count() == 0
    preferences.wish(members["Bob"], {"decided": "off"})
    assert [wish.channel for wish in preferences.wishes_of(members["Bob"]).topics if wish.topic.key == "decided"] == [
        Channel.OFF
    ]


def test_readers_without_an_address_or_who_stopped_letters_get_none_but_have_their_inbox(commons, members):
    silent = reader(NOON, address=commons.address("Emma"))
    preferences.stop_letters(members["Alice"], NOON, stopped=True)
    commons.delegate("Bob", "Alice")
    services.note("delegation_relayed", NOON, community=commons.community, delegatee=commons.address("Emma"))
    plan(NOON)
    assert kinds(members["Alice"]) == ["power_lent:delegation_made"]
    assert kinds(silent) == ["power_lent:delegation_relayed"]
    assert letters_of(members["Alice"]) == letters_of(silent) == []


# --- the inbox ------------------------------------------------------------------------------------------------------


def test_the_inbox_lists_what_is_unread_first_and_opens_what_it_is_about(commons, members, at):
    at(NOON + DAY)
    commons.delegate("Bob", "Alice")
    commons.delegate("Chloé", "Alice", now=NOON + SECOND)
    plan(NOON + 2 * SECOND)
    mine = Client()
    mine.force_login(services_account(commons.address("Alice")))
    page = mine.get("/me/inbox/").content.decode()
    assert "2 things you have not read" in page
    assert page.index("Chloé lends you") < page.index("Bob lends you")
    newest, oldest = Notification.objects.filter(reader=members["Alice"]).order_by("-pk")
    answer = mine.get(f"/me/inbox/{newest.pk}/")
    assert answer.headers["Location"] == f"/c/gardens/delegates/{commons.address('Alice')}/"
    page = mine.get("/me/inbox/").content.decode()
    assert page.index("Bob lends you") < page.index("Chloé lends you"), "unread first"
    assert "Chloé lends you" not in mine.get("/me/inbox/?show=unread").content.decode()
    mine.post("/me/inbox/read/", {"newest": str(oldest.pk)})
    assert "You have read everything." in mine.get("/me/inbox/").content.decode()
    assert "Nothing in your inbox is like this." in mine.get("/me/inbox/?topic=decided").content.decode()


def test_what_came_after_the_page_was_drawn_is_not_marked_read(commons, members):
    commons.delegate("Bob", "Alice")
    plan(NOON)
    listed = Notification.objects.get(reader=members["Alice"]).pk
    commons.delegate("Chloé", "Alice", now=NOON + SECOND)
    plan(NOON + SECOND)
    assert inbox.read_all(members["Alice"], inbox.Wanted(), NOON + DAY, newest=listed) == 1
    assert inbox.unread_count(members["Alice"]) == 1


def test_attack_somebody_else_s_inbox_is_neither_shown_nor_marked_read(commons, members):
    commons.delegate("Bob", "Alice")
    plan(NOON)
    line = Notification.objects.get(reader=members["Alice"])
    bob = Client()
    bob.force_login(services_account(commons.address("Bob")))
    assert bob.get(f"/me/inbox/{line.pk}/").status_code == 404
    bob.post("/me/inbox/read/", {"one": str(line.pk)})
    bob.post("/me/inbox/read/", {"newest": str(line.pk)})
    line.refresh_from_db()
    assert line.read_at is None
    assert "lends you" not in bob.get("/me/inbox/").content.decode()
    assert Client().get("/me/inbox/").status_code == 302
    assert Client().get(f"/me/inbox/{line.pk}/").status_code == 401


def test_the_inbox_is_empty_friendly_and_in_french(commons, members):
    bob = Client(headers={"accept-language": "fr"})
    bob.force_login(services_account(commons.address("Bob")))
    assert 'class="empty"' in bob.get("/me/inbox/").content.decode()
    assert 'lang="fr"' in bob.get("/me/inbox/").content.decode()


def test_the_matrix_is_kept_as_the_form_says_and_nonsense_is_refused(commons, members):
    bob = Client()
    bob.force_login(services_account(commons.address("Bob")))
    form = {"decided": "weekly", "letters": "stopped", "muted": ["gardens"]}
    assert bob.post("/me/preferences/", form).status_code == 302
    assert Preference.objects.get().channel == "weekly"
    assert Postbox.objects.get(reader=members["Bob"]).stopped_at is not None
    assert MutedCommunity.objects.get().community == commons.community
    bob.post("/me/preferences/", {"decided": "daily"})
    assert (Preference.objects.count(), MutedCommunity.objects.count()) == (0, 0)
    answer = bob.post("/me/preferences/", {"decided": "by-pigeon"})
    assert answer.status_code == 400


def test_what_was_read_long_ago_is_forgotten_and_not_told_again(commons, members):
    commons.delegate("Bob", "Alice")
    plan(NOON)
    inbox.read_all(members["Alice"], inbox.Wanted(), NOON, newest=10**9)
    LetterErrand.objects.update(ended_at=NOON, ended_as="sent", next_at=None)
    assert inbox.forget(NOON + 89 * DAY, 90) == 1, "the letter"
    assert kinds(members["Alice"]) == ["power_lent:delegation_made"]
    inbox.forget(NOON + 91 * DAY, 90)
    inbox.forget(NOON + 91 * DAY, 90)
    plan(NOON + 91 * DAY)
    assert (Notification.objects.count(), Announcement.objects.count()) == (0, 0)
    assert Proposal.objects.count() == 0


def services_account(address):
    from governance.models import Account

    return Account.objects.get_or_create(address=address)[0]
