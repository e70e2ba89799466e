"""Bringing a Snapshot vote along: what is read, checked, counted again, kept, and refused."""

import io
import json
from decimal import Decimal
from fractions import Fraction

import pytest
from django.core.management import CommandError, call_command

from governance.errors import Conflict
from governance.models import Event, ImportedBallot, ImportedVote, Record
from governance.services.history import import_vote
from governance.snapshot_import import Apart, ExportError, plain, power_choice, read_csv, read_json, recount
from governance.snapshot_messages import CURRENT, MANY, ONE, PUBLISHED, TEXT
from tests.integration.conftest import NOON
from tests.simulators import snapshot_votes
from tests.simulators.snapshot_votes import END, PROPOSAL, START, envelope, export, message, poll, vote
from tests.simulators.wallets import wallet
from tests.vectors.batch import ask_all

UNIT = 10**18


def counted(proposal, votes):
    return recount(*read_json(export(proposal, votes)))


def only_reason(votes, proposal=None) -> str:
    """Return why the first vote was kept apart, after checking that the others count."""
    found = counted(proposal or poll(), votes)
    (apart,) = (*found.wrong, *found.refused)
    assert apart.position == 0
    assert len(found.counted) == len(votes) - 1
    return apart.reason


CHOICES = {
    "basic": (1, 2, 3),
    "single-choice": (1, 2, 2),
    "approval": ([1, 2], [], [3]),
    "ranked-choice": ([1, 2, 3], [2, 1, 3], [3, 2, 1]),
    "copeland": ([1, 2, 3], [2, 1, 3], [3, 2, 1]),
    "weighted": ({"1": 1, "3": 3}, {"2": 0.5, "1": 0.25}, {"3": 1}),
    "quadratic": ({"1": 1, "3": 3}, {"2": 1}, {"3": 1}),
}


@pytest.mark.parametrize("method", CHOICES)
def test_a_signed_vote_of_each_system_is_verified_and_agrees_with_snapshots_own_count(method):
    powers = (Decimal("10.5"), 4, 7)
    votes = [
        vote(name, choice, float(vp), START + place, method)
        for place, (name, choice, vp) in enumerate(zip(("Alice", "Bob", "Chloé"), CHOICES[method], powers, strict=True))
    ]
    question = {"type": method, "choices": 3, "votes": [(one["choice"], one["vp"]) for one in votes]}
    theirs = ask_all("snapshot_peer.cjs", [question])[0]["scores"]
    found = counted(poll(method, scores=theirs), votes)
    assert found.result["agrees"] is True, found.result
    assert found.result["counts"]["verified"] == 3
    assert not found.wrong
    assert not found.refused


def test_the_winner_is_ours_and_a_tie_has_none():
    votes = [vote("Alice", 1, 5), vote("Bob", 2, 5)]
    tied = counted(poll(scores=[5, 5, 0]), votes).result
    assert (tied["winner"], tied["agrees"]) == (None, True)
    won = counted(poll(scores=[5, 7, 0]), [*votes, vote("Chloé", 2, 2)]).result
    assert (won["winner"], won["agrees"]) == ("Corpus 2", True)


def test_a_result_that_snapshot_says_otherwise_is_kept_with_both_numbers():
    result = counted(poll(scores=[5.0001, 0, 0]), [vote("Alice", 1, 5)]).result
    assert result["agrees"] is False
    assert result["scores"][0] == {"choice": "Corpus 1", "ours": str(5 * UNIT), "theirs": "5.0001", "agrees": False}


def test_an_export_without_scores_stands_alone():
    assert counted(poll(), [vote("Alice", 1)]).result["agrees"] is None


def test_powers_are_read_as_they_are_written_to_the_last_unit():
    text = export(poll(scores=[0.3, 0.3, 0]), [vote("Alice", 1, 1), vote("Bob", 1, 2), vote("Chloé", 2, 3)]).decode()
    for whole, part in (("1", "0.1"), ("2", "0.2"), ("3", "0.300000000000000001")):
        text = text.replace(f'"vp": {whole},', f'"vp": {part},')
    found = recount(*read_json(text.encode()))
    assert {ballot.power for ballot in found.counted} == {UNIT // 10, UNIT // 5, 3 * UNIT // 10 + 1}
    assert (found.result["winner"], found.result["agrees"]) == ("Corpus 2", True)


def test_snapshots_own_client_signs_what_is_verified_here():
    questions = [
        {"key": "0x" + wallet("Alice").key.secret.hex(), "message": {**content, "type": method}}
        for method, content in (
            (method, {"space": snapshot_votes.SPACE, "timestamp": START, "proposal": PROPOSAL, "choice": choice})
            for method, choice in (
                ("basic", 1),
                ("approval", [1, 3]),
                ("ranked-choice", [3, 1, 2]),
                ("weighted", {"1": 2, "3": 1}),
            )
        )
    ]
    for question, answer in zip(questions, ask_all("snapshot_signer.cjs", questions), strict=True):
        one = vote("Alice", 1, envelope=answer) | {"choice": question["message"]["choice"]}
        found = counted(poll(question["message"]["type"]), [one])
        assert found.result["counts"]["verified"] == 1, found


def test_votes_of_every_published_type_are_verified():
    systems = {ONE: ("single-choice", 2), MANY: ("approval", [2]), TEXT: ("weighted", {"2": 1})}
    for fields in PUBLISHED:
        method, choice = systems[dict(fields)["choice"]]
        content = message("Alice", method, choice)
        signed = envelope("Alice", {name: content[name] for name, _ in fields}, fields)
        found = counted(poll(method), [vote("Alice", choice, method=method, envelope=signed)])
        assert found.result["counts"]["verified"] == 1, fields


# --- what is kept apart -------------------------------------------------------------------------------------------


def tampered(**fields):
    """Return a vote whose message says something else than what was signed."""
    one = vote("Alice", 1)
    one["envelope"]["data"]["message"] |= fields
    return one


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (vote("Alice", 2, envelope=vote("Alice", 1)["envelope"]), "another choice"),
        (tampered(app="elsewhere"), "signed by 0x"),
        (tampered(space="other.eth"), "another space"),
        (tampered(proposal="0x" + "cd" * 32), "another proposal"),
        (tampered(timestamp=START + 1), "another time"),
        (tampered(reason="because"), "another reason"),
        (tampered(**{"from": wallet("Bob").address}), "another voter"),
        (tampered(choice="1"), "another choice"),
        (tampered(metadata=5), "cannot be checked"),
        (tampered(metadata="x" * 100_001), "longer than"),
        (vote("Alice", 1, envelope=envelope("Bob", message("Alice", "basic", 1), CURRENT[ONE])), "signed by 0x"),
        (vote("Alice", 1, envelope={}), "an object with"),
        (vote("Alice", 1, envelope="0x"), "an object with"),
        (vote("Alice", 1, envelope={"sig": 1, "data": {"message": {}}}), "as text"),
        (vote("Alice", 1, envelope={"sig": "0x", "data": {"message": {}, "domain": {}}}), "domain"),
    ],
)
def test_a_vote_whose_signed_message_is_another_one_is_not_counted(one, reason):
    assert reason in only_reason([one, vote("Bob", 1)])


def test_types_from_the_file_are_never_used_for_hashing():
    one = vote("Alice", 1)
    one["envelope"]["data"]["types"]["Vote"][4]["type"] = "uint256"
    assert "never published" in only_reason([one])


def test_a_domain_with_a_chain_is_not_snapshots():
    one = vote("Alice", 1)
    one["envelope"]["data"]["domain"]["chainId"] = 1
    assert "domain" in only_reason([one])


def test_a_signature_that_is_not_one_is_kept_apart():
    one = vote("Alice", 1)
    one["envelope"]["sig"] = "0x" + "00" * 65
    assert "cannot be checked" in only_reason([one])


def test_votes_without_a_key_behind_them_are_counted_and_said_to_be_unverified():
    safe = vote("Bob", 1)
    safe["envelope"]["sig"] = "0x" + "12" * 130  # a contract wallet with two owners
    found = counted(poll(), [vote("Alice", 1, envelope=None), safe])
    assert found.result["counts"] | {"verified": 0, "unverified": 2, "counted": 2} == found.result["counts"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vp": None}, "vp"),
        ({"vp": "NaN"}, "vp"),
        ({"vp": "Infinity"}, "vp"),
        ({"vp": True}, "vp"),
        ({"vp": -1}, "vp"),
        ({"vp": 0}, "vp"),
        ({"vp": 1e-30}, "vp"),
        ({"vp": 1e70}, "vp"),
        ({"vp": "1_000"}, "vp"),
        ({"vp": "1e-999999999"}, "vp"),
        ({"vp": int("9" * 99)}, "vp"),
        ({"voter": None}, "address"),
        ({"voter": "0x" + "1" * 64}, "address"),
        ({"created": "now"}, "created"),
        ({"created": -1}, "created"),
        ({"created": 1.5}, "created"),
        ({"reason": 5}, "reason"),
        ({"reason": "x" * 5_001}, "reason"),
        ({"id": 5}, "id"),
        ({"choice": "0x" + "ab" * 200}, "encrypted"),
        ({"choice": 4}, "choice"),
        ({"choice": None}, "choice"),
        ({"choice": [1]}, "choice"),
    ],
)
def test_a_vote_that_cannot_be_counted_is_listed_with_its_reason(changes, reason):
    assert reason in only_reason([vote("Alice", 1, envelope=None) | changes, vote("Bob", 1)])


def test_what_is_no_vote_at_all_is_listed():
    found = recount(*read_json(json.dumps({"proposal": poll(), "votes": [1, None, [], "x"]}).encode()))
    assert [apart.reason for apart in found.refused] == ["a vote is an object"] * 4


def test_of_two_votes_of_one_voter_the_newer_counts_then_the_larger_id():
    early, late = vote("Alice", 1, created=START), vote("Alice", 2, created=START + 9)
    for votes in ([early, late], [late, early]):
        found = counted(poll(), votes)
        assert [(ballot.choice, found.result["counts"]["superseded"]) for ballot in found.counted] == [(2, 1)]
    low, high = vote("Alice", 1, id="0xaa"), vote("Alice", 3, id="0xbb")
    for votes in ([low, high], [high, low]):
        assert [ballot.choice for ballot in counted(poll(), votes).counted] == [3]
    spelled = early | {"voter": early["voter"].lower()}
    assert [ballot.choice for ballot in counted(poll(), [spelled, late]).counted] == [2]


def test_a_newer_vote_with_a_wrong_signature_does_not_replace_an_older_one():
    forged = vote("Alice", 2, created=START + 9, envelope=vote("Alice", 1)["envelope"])
    assert [ballot.choice for ballot in counted(poll(), [vote("Alice", 1), forged]).counted] == [1]


def test_an_encrypted_vote_that_was_opened_proves_who_voted_but_not_what_for():
    content = message("Alice", "single-choice", "0x" + "ab" * 200)
    opened = vote("Alice", 1, envelope=envelope("Alice", content, CURRENT[TEXT]))
    found = counted(poll(privacy="shutter"), [opened])
    assert [ballot.verified for ballot in found.counted] == [False]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "custom"},
        {"type": None},
        {"choices": ["one"]},
        {"choices": [1, 2]},
        {"choices": "ab"},
        {"choices": ["x" * 301, "y"]},
        {"state": "active"},
        {"end": None},
        {"end": 1e300},
        {"id": ""},
        {"id": 5},
        {"id": "x" * 101},
        {"title": None},
        {"space": None},
        {"space": {"id": None}},
        {"body": "x" * 100_001},
        {"scores": [1, 2]},
        {"scores": [1, 2, None]},
        {"scores": ["NaN", 1, 2]},
    ],
)
def test_an_export_of_no_finished_vote_is_refused(changes):
    with pytest.raises(ExportError):
        read_json(export(poll() | changes, []))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b'{"votes": []}', b'{"proposal": {}, "proposal": {}}', b'{"proposal": NaN}', b"\xff", b"[" * 99],
)
def test_a_file_that_is_no_export_is_refused(data):
    with pytest.raises(ExportError):
        read_json(data)


def test_what_graphql_answers_is_taken_as_it_comes():
    whole = {"data": {"proposal": poll(), "votes": [vote("Alice", 1)]}}
    assert len(recount(*read_json(json.dumps(whole).encode())).counted) == 1


@pytest.mark.parametrize(
    "choice",
    [1, [2, 1], {"1": 2, "2": Decimal("0.1")}, {"1": Decimal("1E+30")}, {"1": Decimal("1e-200")}, {"1": 2**80}],
)
def test_a_choice_is_stored_without_fractions_and_counted_as_it_was(choice):
    restored = power_choice(json.loads(json.dumps(plain(choice))))
    exact = [
        {key: Fraction(weight) for key, weight in each.items()} if isinstance(each, dict) else each
        for each in (choice, restored)
    ]
    assert exact[0] == exact[1]


# --- CSV ----------------------------------------------------------------------------------------------------------


def csv_of(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def entries(method: str, *lines: str):
    found, _ = read_json(json.dumps({"proposal": poll(method)}).encode())
    return read_csv(csv_of(*lines), found)


ALICE = wallet("Alice").address


def test_a_csv_of_each_form_is_read():
    one = entries(
        "single-choice", "address,choice,voting_power,timestamp,author_ipfs_hash", f"{ALICE},2,1.5,{START},Qm"
    )
    assert [(entry.choice, entry.power, entry.id) for entry in one] == [(2, 3 * UNIT // 2, "Qm")]
    head = "address,choice.1,choice.2,choice.3,voting_power,timestamp,date_utc,author_ipfs_hash"
    tail = f'1,{START},"Tue, 14 Nov 2023 22:13:20 GMT",Qm'
    assert [entry.choice for entry in entries("approval", head, f"{ALICE},3,1,,{tail}")] == [[3, 1]]
    assert [entry.choice for entry in entries("ranked-choice", head, f"{ALICE},3,1,2,{tail}")] == [[3, 1, 2]]
    weights = entries("weighted", head, f"{ALICE},0.5,,2,{tail}")
    assert [entry.choice for entry in weights] == [{"1": Decimal("0.5"), "3": Decimal(2)}]


def test_a_reason_in_a_csv_may_hold_commas_and_quotes():
    head = "address,choice,voting_power,timestamp,author_ipfs_hash,reason"
    (entry,) = entries("basic", head, f'{ALICE},1,1,{START},Qm,"he said "yes", and no"')
    assert entry.choice == 1
    assert "and no" in entry.reason


@pytest.mark.parametrize(
    "line", ["", "x", f"{ALICE},1,1", f"{ALICE},1,1,now", f"{ALICE},one,1,1", f"{ALICE},1,NaN,1", f"{ALICE},1,1,1,1"]
)
def test_a_line_that_is_no_vote_is_listed(line):
    found = entries("basic", "address,choice,voting_power,timestamp", line)
    assert all(isinstance(entry, Apart) for entry in found)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"address,choice",
        b"\xff",
        b"address,address,voting_power,timestamp",
        b"address,voting_power,timestamp,x\n\x00",
    ],
)
def test_a_file_that_is_no_csv_of_votes_is_refused(data):
    with pytest.raises(ExportError):
        read_csv(data, read_json(json.dumps({"proposal": poll()}).encode())[0])


# --- the database -------------------------------------------------------------------------------------------------


@pytest.fixture
def community(list_community):
    return list_community().community


def test_an_imported_vote_is_kept_once_with_its_record_and_its_place_in_the_log(community):
    votes = [vote("Alice", 1, 5), vote("Bob", 2, "3.25", envelope=None)]
    found = counted(poll(scores=[5, 3.25, 0]), votes)
    stored, new = import_vote(community, found, NOON)
    assert new
    assert stored.record.value.parents == (community.record_id,)
    assert stored.record.body["ballots_root"] == found.ballots_root
    assert int(stored.closed_at.timestamp()) == END
    assert {ballot.voter: ballot.verified for ballot in stored.ballots.all()} == {
        wallet("Alice").address: True,
        wallet("Bob").address: False,
    }
    assert Event.objects.get(kind="vote_imported").data == {"imported_vote": stored.record_id}
    again, new = import_vote(community, found, NOON)
    assert (again.pk, new, Event.objects.filter(kind="vote_imported").count()) == (stored.pk, False, 1)


def test_the_same_vote_with_other_content_is_refused_and_changes_nothing(community):
    import_vote(community, counted(poll(), [vote("Alice", 1)]), NOON)
    before = Record.objects.count()
    with pytest.raises(Conflict, match="already_imported"):
        import_vote(community, counted(poll(), [vote("Alice", 2)]), NOON)
    assert (Record.objects.count(), ImportedVote.objects.count(), ImportedBallot.objects.count()) == (before, 1, 1)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("import_snapshot", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_tells_what_it_found_and_a_dry_run_stores_nothing(community, tmp_path):
    file = tmp_path / "vote.json"
    file.write_bytes(export(poll(scores=[5, 0, 0]), [vote("Alice", 1, 5), vote("Bob", 9), tampered(app="x")]))
    told = run(community.slug, str(file), "--dry-run")
    assert "nothing is stored" in told
    assert "refused" in told
    assert "signature wrong" in told
    assert "winner: Corpus 1; our count agrees with Snapshot's" in told
    assert not ImportedVote.objects.exists()
    digest = told.split()[-1]
    assert run(community.slug, str(file)).split()[-1] == digest
    assert "was imported before" in run(community.slug, str(file))
    assert ImportedVote.objects.get().record_id == digest


def test_the_command_takes_a_csv_beside_the_poll(community, tmp_path):
    (tmp_path / "poll.json").write_text(json.dumps({"proposal": poll()}))
    (tmp_path / "votes.csv").write_bytes(csv_of("address,choice,voting_power,timestamp", f"{ALICE},1,2,{START}"))
    with pytest.raises(CommandError, match="--votes"):
        run(community.slug, str(tmp_path / "poll.json"))
    assert "1 unverified" in run(community.slug, str(tmp_path / "poll.json"), "--votes", str(tmp_path / "votes.csv"))


def test_the_command_refuses_unknown_communities_and_files(community, tmp_path):
    file = tmp_path / "vote.json"
    file.write_text("{}")
    for slug in ("nobody", community.slug):
        with pytest.raises(CommandError):
            run(slug, str(file))
