"""A site that lies: what it changes on the way makes an honest bot refuse, with its finding, before anything is run."""

import hashlib
import json

import pytest

from governance import services as governance
from governance.clock import now as clock
from governance.evidence.record import Record
from models_registry.provenance import lineage
from tests.integration.bots import Bot, db, site, template  # noqa: F401 - fixtures
from tests.integration.conftest import FOR, TIMELOCK, decided, vote
from training_jobs.models import Run
from training_jobs.runners import proof

REFUSED, CONFIGURATION, UNREACHABLE = 3, 2, 69


@pytest.fixture
def bot(site, community, voters, tmp_path):  # noqa: F811
    """A bot of Alice's."""
    return Bot(site, community, voters["Alice"].address, tmp_path / "bot")


def refuses(bot, site, finding, claims=0):  # noqa: F811
    """Let it try; hold what it says and what it did against what is expected."""
    assert bot.once(60) == REFUSED, bot.log
    assert finding in bot.log, bot.log
    assert sum(line.endswith("/claim") for line in site.seen) == claims
    assert not any("/uploads/" in line or line.endswith("/trained") for line in site.seen)
    assert bot.left() == ["lock"]


def in_proof(change):
    """Return a rewriting of the proof by a function from lines to lines."""

    def rewrite(path, body):
        if not path.endswith("/proof"):
            return body
        return b"\n".join(change(body.split(b"\n")[:-1])) + b"\n"

    return rewrite


def part(lines, name):
    """Return the first and the last place of the lines of a part."""
    first = lines.index(b'{"part":"%b"}' % name.encode()) + 1
    last = first
    while not lines[last].startswith((b'{"part":', b'{"end":')):
        last += 1
    return first, last


def flip_a_ballot(lines):
    first, _ = part(lines, "ballots.jsonl")
    lines[first] = lines[first].replace(b'"choice":1', b'"choice":0')
    return lines


def drop_a_ballot(lines):
    first, _ = part(lines, "ballots.jsonl")
    return [*lines[:first], *lines[first + 1 :]]


def repeat_a_ballot(lines):
    first, _ = part(lines, "ballots.jsonl")
    return [*lines[:first], lines[first], *lines[first:]]


def swap_signatures(lines):
    first, last = part(lines, "ballots.jsonl")
    ballots = [json.loads(line) for line in lines[first:last]]
    one, other = ballots[0]["body"], ballots[1]["body"]
    one["signature"], other["signature"] = other["signature"], one["signature"]
    changed = [json.dumps(each, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() for each in ballots]
    return [*lines[:first], *changed, *lines[last:]]


def raise_a_power(lines):
    first, _ = part(lines, "census.jsonl")
    lines[first] = lines[first].replace(b'"power":"', b'"power":"9', 1)
    return lines


def drop_a_record(lines):
    first, _ = part(lines, "records.jsonl")
    return [*lines[: first + 3], *lines[first + 4 :]]


def another_learning_rate(lines):
    first, last = part(lines, "records.jsonl")
    return [
        line.replace(b'"learning_rate":"0.002"', b'"learning_rate":"0.9"') if first <= place < last else line
        for place, line in enumerate(lines)
    ]


def another_spec_alone(lines):
    """Change the specification's own record only; its proposal says what was voted on."""
    first, last = part(lines, "records.jsonl")
    spec = next(place for place in range(first, last) if b'"kind":"spec"' in lines[place])
    lines[spec] = lines[spec].replace(b'"learning_rate":"0.002"', b'"learning_rate":"0.9"')
    return lines


TAMPERED = {
    "a ballot changed": (flip_a_ballot, "signature_wrong"),
    "a ballot left out": (drop_a_ballot, "ballot_count_wrong"),
    "a ballot twice": (repeat_a_ballot, "duplicate_record"),
    "signatures exchanged": (swap_signatures, "signature_wrong"),
    "more power than the census": (raise_a_power, "check 4"),
    "a record left out": (drop_a_record, "parent_missing"),
    "another learning rate everywhere": (another_learning_rate, "parent_missing"),
    "another specification than the vote": (another_spec_alone, "spec_not_approved"),
    "something behind its end": (lambda lines: [*lines, lines[1]], "proof_unreadable"),
    "another version": (lambda lines: [lines[0].replace(b'"version":1', b'"version":2'), *lines[1:]], "proof_unread"),
    "not what it says": (lambda lines: [lines[0], b"\x00\xff{", *lines[1:]], "proof_unreadable"),
}


BROKEN = {
    "half of it": lambda lines: lines[: len(lines) // 2],
    "no end": lambda lines: lines[:-1],
    "nothing": lambda _lines: [],
}


def test_a_proof_that_breaks_off_is_a_broken_connection_and_nothing_is_run(run, bot, site):  # noqa: F811
    for change in BROKEN.values():
        site.rewrite = lambda path, body, change=change: (
            b"".join(line + b"\n" for line in change(body.split(b"\n")[:-1])) if path.endswith("/proof") else body
        )
        assert bot.once(60) == UNREACHABLE, bot.log
    assert run.attempts.count() == 0


@pytest.mark.parametrize(("change", "finding"), TAMPERED.values(), ids=TAMPERED.keys())
def test_a_proof_that_was_tampered_with_is_refused_before_anything_is_claimed(run, bot, site, change, finding):  # noqa: F811
    site.rewrite = in_proof(change)
    refuses(bot, site, finding)
    assert run.attempts.count() == 0


def test_a_whole_history_rewritten_for_another_payload_lacks_the_voters_signatures(run, bot, site):  # noqa: F811
    """The worst site: every digest, parent, order and offer agrees with the new payload. Only wallets cannot be forged."""
    lines = list(proof.lines(run))
    first, last = part([line.rstrip(b"\n") for line in lines], "records.jsonl")
    renamed, forged = {}, {}
    for line in lines[first:last]:
        told = json.loads(rename(line, renamed).replace(b'"learning_rate":"0.002"', b'"learning_rate":"0.9"'))
        record = Record.make(told["kind"], told["subject"], told["body"], told["parents"])
        renamed[hashlib.sha256(line[:-1]).hexdigest()] = record.digest
        forged[record.digest] = record
    spec = renamed[run.spec_record_id]
    records = [record.canonical() + b"\n" for record in lineage.closure(spec, forged)]
    told = [*lines[:first], *records, *lines[last:]]

    def rewrite(path, body):
        if path.endswith("/proof"):
            return b"".join(rename(line, renamed) for line in told)
        return rename(body, renamed) if path.endswith("/work") else body

    site.rewrite = rewrite
    refuses(bot, site, "check 4 (ballots are signed by their voters): signature_wrong")


def rename(line, digests):
    for old, new in digests.items():
        line = line.replace(old.encode(), new.encode())
    return line


def test_another_community_than_the_pinned_one_is_refused(run, bot, site):  # noqa: F811
    bot.write(site.url, "ab" * 32)
    refuses(bot, site, "community_untrusted")


def test_a_site_whose_clock_runs_ahead_cannot_shorten_the_timelock(update, community, voters, bot, site):  # noqa: F811
    """Every record agrees, and every signature holds: only the bot's own clock knows that the timelock is not over."""
    now = clock()
    draft = governance.Draft("model_update", "An update", "Because.", update, {}, "", 1)
    author = voters["Alice"].address
    proposal = governance.submit(governance.create_draft(community, author, draft, now).pk, author, now)
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    proposal = decided(proposal)
    assert proposal.executed_at - now >= TIMELOCK
    run = Run.objects.get()
    Run.objects.update(created_at=now)
    refuses(bot, site, "timelock_not_over")
    assert run.attempts.count() == 0


def test_a_vote_that_did_not_pass_orders_nothing_whatever_the_site_says(run, bot, site):  # noqa: F811
    site.rewrite = in_proof(
        lambda lines: [
            line.replace(b'"passed":true', b'"passed":false') if b'"kind":"decision"' in line else line
            for line in lines
        ]
    )
    refuses(bot, site, "check 2")


def test_work_that_is_not_the_run_of_the_proof_is_refused(run, bot, site):  # noqa: F811
    def rewrite(path, body):
        if not path.endswith("/work"):
            return body
        told = json.loads(body)
        told["runs"][0]["decision"] = "0" * 64
        return json.dumps(told).encode()

    site.rewrite = rewrite
    refuses(bot, site, "another_run")


def test_an_assignment_that_is_not_what_was_voted_on_is_given_back(run, bot, site):  # noqa: F811
    def rewrite(path, body):
        if not path.endswith("/claim"):
            return body
        told = json.loads(body)
        told["spec"]["epochs"] = 9
        return json.dumps(told).encode()

    site.rewrite = rewrite
    refuses(bot, site, "not what was voted on", claims=1)
    assert run.attempts.get().outcome == "payload_changed"


def rows_changed(path, body):
    return body.replace(b"e", b"a", 1) if "/files/inputs/datasets/" in path else body


def base_changed(path, body):
    return body.replace(b"llama", b"other", 1) if path.endswith("/files/inputs/base/config.json") else body


def listed(change):
    def rewrite(path, body):
        if not path.endswith("/files"):
            return body
        return json.dumps({"files": change(json.loads(body)["files"])}).encode()

    return rewrite


def outside(files):
    return [*files, {"path": "../../evil", "size": 1, "sha256": "0" * 64}]


FILES = {
    "rows changed": rows_changed,
    "base changed": base_changed,
    "a file outside": listed(outside),
    "an absolute path": listed(lambda files: [{**files[0], "path": "/etc/passwd"}, *files[1:]]),
    "a program": listed(lambda files: [*files, {"path": "inputs/base/run.py", "size": 1, "sha256": "0" * 64}]),
    "a base file left out": listed(lambda files: files[1:]),
    "a dataset left out": listed(lambda files: [file for file in files if "datasets" not in file["path"]]),
    "one more dataset": listed(
        lambda files: [*files, {"path": f"inputs/datasets/{'0' * 64}.jsonl", "size": 1, "sha256": "0" * 64}]
    ),
    "a file twice": listed(lambda files: [*files, files[0]]),
    "no list": listed(lambda _files: {"path": "x"}),
}


@pytest.mark.parametrize("rewrite", FILES.values(), ids=FILES.keys())
def test_files_that_are_not_the_approved_ones_are_refused_before_the_trainer_starts(run, bot, site, rewrite):  # noqa: F811
    site.rewrite = rewrite
    refuses(bot, site, "payload_changed", claims=1)
    assert run.attempts.get().outcome == "payload_changed"
    assert not run.events.filter(kind="started").exists()


BAD = {
    "plain http": 'url = "http://commons.example"',
    "a user in the address": 'url = "https://me@commons.example"',
    "a path": 'url = "https://commons.example/api"',
    "no trust": 'url = "https://commons.example"\n[trust]',
    "a short digest": 'url = "https://commons.example"\n[trust]\ncommunity = "ab"',
    "an unknown key": 'url = "https://commons.example"\nverify = false',
    "not TOML": "url = ",
    "a number as text": 'url = "https://commons.example"\n[limits]\ndevice_seconds = "many"',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_configuration_that_cannot_be_meant_stops_the_bot(bot, tmp_path, text):
    top, _, tables = text.partition("\n")
    trust = "" if "[trust]" in text else f'\n[trust]\ncommunity = "{"ab" * 32}"'
    content = f'{top}\nfolder = "{tmp_path}/work"\ntoken_file = "{bot.folder}/token"\n{tables}{trust}\n'
    (bot.folder / "bot.toml").write_text(content)
    assert bot.once(60) == CONFIGURATION, bot.log
    assert "Traceback" not in bot.log
