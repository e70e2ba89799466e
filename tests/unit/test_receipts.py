"""Receipts: what one shows, and everything that must not pass for one."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance import eip712
from governance.evidence import merkle
from governance.evidence.canonical import canonical_bytes
from governance.evidence.checkpoint import Checkpoint, log_origin, sign
from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from governance.receipts import KeyMissing, Status, verify_receipt
from governance.receipts.__main__ import main
from tests.simulators.audit_bundle import wallet
from tests.simulators.golden_parts import KeySigner

ROOT = Path(__file__).resolve().parents[2]
SIGNER = KeySigner(7)
KEY = SIGNER.public_key_hex
MEMBERS = [wallet(number) for number in (1, 2, 3)]


def community_record(signer=SIGNER, slug="water"):
    body = {
        "slug": slug,
        "name": {"en": "Water commons", "fr": "Commun de l’eau"},
        "instance": "https://commons.example:8443",
        "chain_id": 31337,
        "token": wallet(1).address,
        "release_key": {"algorithm": "ed25519", "public_key": signer.public_key_hex},
    }
    return Record.make("community", f"community:{slug}", body)


class Telling:
    """One vote with its log; builds receipts, honest ones by default."""

    def __init__(self, signer=SIGNER, choices=(1, [2, 1, 3], {"1": 2, "3": 1})):
        self.signer = signer
        self.community = community_record(signer)
        self.proposal = Record.make("proposal", "proposal:water/1", {"number": 1}, [self.community.digest])
        self.log = [self.entry("proposal_submitted", {}), self.entry("draft_created", {})]
        self.ballots = [self.ballot(voter, choice, 1) for voter, choice in zip(MEMBERS, choices, strict=True)]
        self.tally = None

    def entry(self, kind, data):
        return {"actor": "", "at": 1_790_000_000, "data": data, "kind": kind, "proposal": self.proposal.digest}

    def ballot(self, voter, choice, nonce):
        body = {"voter": voter.address, "choice": choice, "reason": "Because.", "nonce": nonce}
        community = self.community.body
        names = {name: community[name] for name in ("chain_id", "token", "instance")}
        proposal = f"0x{self.proposal.digest}"
        signature = voter.sign(eip712.ballot_digest(**names, community="water", proposal=proposal, **body))
        body |= {"signature": signature, "power": "5", "house_power": "0", "cast_at": 1_790_000_010}
        record = Record.make("ballot", f"ballot:{self.proposal.digest}/{voter.address}", body, [self.proposal.digest])
        self.log.append(self.entry("ballot_cast", {"ballot": record.digest}))
        return record

    def close(self):
        self.ballots.sort(key=lambda ballot: ballot.body["voter"].lower())
        root = merkle.root(ballot.canonical() for ballot in self.ballots)
        body = {"ballot_count": len(self.ballots), "ballots_root": root}
        self.tally = Record.make("tally", f"tally:{self.proposal.digest}", body, [self.proposal.digest])
        self.log.append(self.entry("voting_closed", {"passed": True, "tally": self.tally.digest}))

    def logged(self, name, digest):
        leaves = [canonical_bytes(entry) for entry in self.log]
        position = next(place for place, entry in enumerate(self.log) if entry["data"].get(name) == digest)
        origin = log_origin(self.community.body["instance"], "water")
        return {
            "position": position,
            "leaf": self.log[position],
            "size": len(leaves),
            "proof": merkle.inclusion_proof(leaves, position),
            "checkpoint": sign(Checkpoint(origin, len(leaves), merkle.root(leaves)), self.signer),
        }

    def counted(self, ballot):
        leaves = [other.canonical() for other in self.ballots]
        index = self.ballots.index(ballot)
        return {
            "tally": self.tally.to_dict(),
            "index": index,
            "size": len(leaves),
            "proof": merkle.inclusion_proof(leaves, index),
            "log": self.logged("tally", self.tally.digest),
        }

    def receipt(self, ballot, newer=None):
        in_tally = self.tally is not None and newer is None
        status = "replaced" if newer else "counted" if in_tally else "counting"
        document = {
            "version": 2,
            "digest": ballot.digest,
            "proposal": f"0x{self.proposal.digest}",
            "status": status,
            "community": self.community.to_dict(),
            "proposal_record": self.proposal.to_dict(),
            "ballot": ballot.to_dict(),
            "log": self.logged("ballot", ballot.digest),
            "count": self.counted(ballot) if in_tally else None,
            "replaced_by": newer.to_dict() if newer else None,
        }
        return json.loads(json.dumps(document))


@pytest.fixture(scope="module")
def closed():
    telling = Telling()
    telling.close()
    return telling


@pytest.fixture
def receipt(closed):
    return closed.receipt(closed.ballots[0])


def failed(report):
    return next((finding.number, finding.code) for finding in report.findings if finding.holds is False)


def test_a_ballot_of_every_form_that_was_counted_is_shown_to_be(closed):
    for ballot in closed.ballots:
        report = verify_receipt(closed.receipt(ballot), KEY)
        assert (report.status, report.ok) == (Status.COUNTED, True)
        assert [finding.holds for finding in report.findings] == [True] * 7


def test_the_fingerprint_of_the_key_is_as_good_as_the_key(receipt):
    assert verify_receipt(receipt, fingerprint(KEY)).status is Status.COUNTED
    assert verify_receipt(receipt, KEY.upper()).status is Status.COUNTED


def test_before_the_count_a_ballot_is_seen():
    telling = Telling()
    report = verify_receipt(telling.receipt(telling.ballots[1]), KEY)
    assert report.status is Status.SEEN
    assert [finding.holds for finding in report.findings] == [True, True, True, True, None, None, True]


def test_a_ballot_that_the_voter_replaced_is_shown_with_the_newer_one():
    telling = Telling()
    older = telling.ballots.pop(0)
    newer = telling.ballot(MEMBERS[0], 2, 2)
    telling.ballots.append(newer)
    telling.close()
    report = verify_receipt(telling.receipt(older, newer), KEY)
    assert report.status is Status.REPLACED
    assert verify_receipt(telling.receipt(newer), KEY).status is Status.COUNTED


def test_what_may_be_left_out_may_be_left_out(receipt):
    del receipt["replaced_by"]
    assert verify_receipt(receipt, KEY).status is Status.COUNTED


def test_nobody_else_can_replace_a_ballot():
    telling = Telling()
    older, other = telling.ballots[:2]
    newer = telling.ballot(MEMBERS[0], 2, 2)
    assert failed(verify_receipt(telling.receipt(older, other), KEY)) == (5, "replacement_foreign")
    assert failed(verify_receipt(telling.receipt(newer, older), KEY)) == (5, "replacement_older")
    forged = Record.make("ballot", newer.subject, {**newer.body, "choice": 0}, newer.parents)
    assert failed(verify_receipt(telling.receipt(older, forged), KEY)) == (5, "signature_wrong")


@pytest.mark.parametrize("key", ["", "ab", None, KEY + "00"])
def test_without_a_key_that_is_trusted_nothing_is_shown(receipt, key):
    with pytest.raises(KeyMissing):
        verify_receipt(receipt, key)


def test_another_community_that_signs_with_its_own_key_is_not_believed():
    impostor = Telling(KeySigner(8))
    impostor.close()
    report = verify_receipt(impostor.receipt(impostor.ballots[0]), KEY)
    assert (report.status, failed(report)) == (Status.INVALID, (2, "key_untrusted"))
    named = impostor.receipt(impostor.ballots[0])
    named["community"]["body"]["release_key"]["public_key"] = KEY
    assert failed(verify_receipt(named, KEY)) == (1, "parent_wrong")


def set_at(path, value):
    def change(document):
        *parents, last = path
        for step in parents:
            document = document[step]
        document[last] = value

    return change


OTHER_DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (set_at(["version"], 1), (1, "version_unknown")),
        (set_at(["version"], True), (1, "version_unknown")),
        (set_at(["extra"], 1), (1, "malformed_receipt")),
        (lambda document: document.pop("count"), (1, "malformed_receipt")),
        (set_at(["digest"], OTHER_DIGEST), (1, "digest_wrong")),
        (set_at(["proposal"], f"0x{OTHER_DIGEST}"), (1, "digest_wrong")),
        (set_at(["ballot", "body", "choice"], 2), (1, "digest_wrong")),
        (set_at(["ballot", "parents"], [OTHER_DIGEST]), (1, "parent_wrong")),
        (set_at(["ballot", "subject"], "ballot:x"), (1, "digest_wrong")),
        (set_at(["ballot", "kind"], "vote"), (1, "malformed_record")),
        (set_at(["ballot", "version"], 2), (1, "malformed_record")),
        (set_at(["ballot", "body", "choice"], 1.5), (1, "malformed_json")),
        (set_at(["ballot"], None), (1, "malformed_record")),
        (set_at(["proposal_record", "body", "number"], 2), (1, "parent_wrong")),
        (set_at(["log"], None), (4, "not_logged_yet")),
        (set_at(["log"], []), (4, "malformed_receipt")),
        (set_at(["count", "log"], None), (6, "not_logged_yet")),
        (set_at(["status"], "replaced"), (5, "replacement_missing")),
        (set_at(["log", "position"], 0), (4, "not_logged")),
        (set_at(["log", "position"], -1), (4, "malformed_receipt")),
        (set_at(["log", "position"], "2"), (4, "malformed_receipt")),
        (set_at(["log", "size"], 5), (4, "proof_wrong")),
        (set_at(["log", "size"], 10**80), (4, "proof_wrong")),
        (set_at(["log", "proof"], []), (4, "not_logged")),
        (set_at(["log", "proof"], "00"), (4, "malformed_receipt")),
        (set_at(["log", "proof", 0], {}), (4, "not_logged")),
        (set_at(["log", "leaf", "at"], 1), (4, "not_logged")),
        (set_at(["log", "leaf", "at"], 1.5), (4, "malformed_json")),
        (set_at(["log", "leaf", "proposal"], ""), (4, "leaf_wrong")),
        (set_at(["log", "leaf", "data"], {"ballot": OTHER_DIGEST}), (4, "leaf_wrong")),
        (set_at(["log", "leaf", "data"], []), (4, "leaf_wrong")),
        (set_at(["log", "checkpoint"], None), (4, "malformed_receipt")),
        (set_at(["log", "checkpoint"], "signed, honestly"), (4, "malformed_note")),
        (set_at(["count", "index"], 1), (5, "not_counted")),
        (set_at(["count", "size"], 4), (5, "proof_wrong")),
        (set_at(["count", "proof"], []), (5, "not_counted")),
        (set_at(["count", "tally", "body", "ballots_root"], OTHER_DIGEST), (5, "not_counted")),
        (set_at(["count", "tally", "body", "ballots_root"], None), (5, "not_counted")),
        (set_at(["count", "tally", "parents"], [OTHER_DIGEST]), (5, "parent_wrong")),
        (set_at(["count", "tally", "body", "more"], 1), (6, "leaf_wrong")),
        (set_at(["count", "log", "position"], 2), (6, "not_logged")),
        (set_at(["status"], "counting"), (7, "status_wrong")),
        (set_at(["status"], None), (7, "status_wrong")),
        (set_at(["count"], None), (7, "status_wrong")),
    ],
)
def test_a_receipt_with_a_fault_is_invalid_and_the_fault_is_named(receipt, change, expected):
    change(receipt)
    report = verify_receipt(receipt, KEY)
    assert (report.status, failed(report)) == (Status.INVALID, expected)
    assert all(finding.holds is None for finding in report.findings[expected[0] :])
    place = report.findings[expected[0] - 1].place
    assert place.split(".")[0] in {*receipt, "receipt", "count", "community"}


def test_a_checkpoint_of_the_same_key_for_another_log_is_refused(closed, receipt):
    leaves = [canonical_bytes(entry) for entry in closed.log]
    note = sign(Checkpoint("commons.example:8443/fire", len(leaves), merkle.root(leaves)), SIGNER)
    receipt["log"]["checkpoint"] = note
    assert failed(verify_receipt(receipt, KEY)) == (4, "signature_missing")


def test_two_signed_logs_of_one_size_are_a_fork_and_evidence_of_it(closed, receipt):
    rewritten = Telling()
    rewritten.log[1]["at"] += 1
    rewritten.ballots, rewritten.tally = closed.ballots, None
    rewritten.close()
    receipt["count"]["log"] = rewritten.logged("tally", rewritten.tally.digest)
    assert failed(verify_receipt(receipt, KEY)) == (6, "log_forked")


def test_a_tally_logged_before_the_ballot_is_refused(closed):
    telling = Telling()
    late = telling.log.pop(2)  # the first ballot's entry
    ballot = telling.ballots[0]
    telling.close()
    telling.log.append(late)
    assert failed(verify_receipt(telling.receipt(ballot), KEY)) == (6, "order_wrong")


def test_a_ballot_signed_for_another_proposal_is_refused(closed):
    telling = Telling()
    stranger = Record.make("proposal", "proposal:water/2", {"number": 2}, [telling.community.digest])
    body = telling.ballots[0].body
    telling.proposal = stranger
    moved = Record.make("ballot", f"ballot:{stranger.digest}/{body['voter']}", body, [stranger.digest])
    telling.log.append(telling.entry("ballot_cast", {"ballot": moved.digest}))
    assert failed(verify_receipt(telling.receipt(moved), KEY)) == (3, "signature_wrong")


def every_path(value, path=()):
    """Yield the way to each part of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield (*path, step)
        yield from every_path(item, (*path, step))


STRANGE = st.sampled_from([None, True, 0, -1, 2**60, 10**99, "", "0", "\x00", "\ud800", [], {}, [[]], {"a": {}}, 1.5])


@settings(max_examples=150)
@given(data=st.data())
def test_no_part_can_be_exchanged_for_something_strange(closed, data):
    document = closed.receipt(closed.ballots[0])
    path = data.draw(st.sampled_from(list(every_path(document))))
    before = copy.deepcopy(document)
    set_at(path, data.draw(STRANGE))(document)
    if canonical_or_none(document) != canonical_or_none(before):
        assert verify_receipt(document, KEY).status is Status.INVALID


def canonical_or_none(document):
    try:
        return canonical_bytes(document)
    except ValueError:
        return None


@pytest.mark.parametrize("document", [None, [], "receipt", 1, {}, {"version": 2}])
def test_what_is_no_receipt_at_all_is_invalid(document):
    assert failed(verify_receipt(document, KEY)) == (1, "malformed_receipt")


def test_the_command_says_what_the_receipt_shows(receipt, tmp_path, capsys):
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt, indent=2), encoding="utf-8")
    assert main([str(path), "--community-key", KEY]) == 0
    assert "Counted: this ballot is in the tally" in capsys.readouterr().out
    assert main([str(path), "--community-key", KEY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "counted"
    receipt["log"]["leaf"]["at"] += 1
    path.write_text(json.dumps(receipt), encoding="utf-8")
    assert main([str(path), "--community-key", KEY]) == 1
    assert "FAILED       the ballot is in the log: not_logged in log.proof" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--community-key", ""], ["--community-key", "zz"]])
def test_the_command_refuses_to_work_without_a_key(receipt, tmp_path, capsys, arguments):
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt), encoding="utf-8")
    with pytest.raises(SystemExit) as refusal:
        main([str(path), *arguments])
    assert refusal.value.code == 2


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100, b'{"a":1,"a":1}', None])
def test_the_command_says_what_it_cannot_read(tmp_path, capsys, content):
    path = tmp_path / "receipt.json"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), "--community-key", KEY]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_receipt_cannot_steer_the_terminal(receipt, tmp_path, capsys):
    receipt["status"] = "\x1b[2J counted"
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt), encoding="utf-8")
    assert main([str(path), "--community-key", KEY]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_the_command_works_where_there_is_no_django(receipt, tmp_path):
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(receipt), encoding="utf-8")
    code = (
        "import sys\n"
        "for name in ('django', 'web3', 'requests', 'rest_framework'): sys.modules[name] = None\n"
        "from governance.receipts.__main__ import main\n"
        f"sys.exit(main([{str(path)!r}, '--community-key', {KEY!r}]))\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
