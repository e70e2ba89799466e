"""`python -m governance.tally`: polls as JSON lines, exact answers, and nothing that a stranger writes stops it."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.tally import METHODS
from governance.tally import __main__ as command
from governance.tally.polls import LINE_BYTES_MAX, PollError, answer, without_depths

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["Ada", "Bob", "Cy"]
VOTE = 10**18
BLOCK_FRAMEWORKS = """
import runpy, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("django", "rest_framework", "web3", "numpy", "rfc8785"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
sys.argv = ["tally"]
runpy.run_module("governance.tally", run_name="__main__")
"""


def poll(method, *ballots, choices=NAMES, **more):
    """A line with (choice, power) ballots."""
    listed = [{"choice": choice, "power": str(power)} for choice, power in ballots]
    return json.dumps({"method": method, "choices": choices, "ballots": listed, **more}).encode()


def answer_raw(ballots, method="approval"):
    """The answer for ballots written by hand."""
    return answer(f'{{"method": "{method}", "choices": ["Ada", "Bob", "Cy"], "ballots": [{ballots}]}}'.encode())


def run(lines, *arguments, code=None):
    program = ["-c", code] if code else ["-m", "governance.tally", *arguments]
    return subprocess.run(
        [sys.executable, *program], cwd=ROOT, input=lines, capture_output=True, check=False, timeout=60
    )


# --- the answers ---


def test_lines_are_answered_without_any_framework():
    finished = run(poll("single-choice", (1, 5), (2, 3)) + b"\n\n" + poll("basic", (1, 1)), code=BLOCK_FRAMEWORKS)
    first, second = map(json.loads, finished.stdout.splitlines())
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert first == {
        "method": "single-choice",
        "scores": ["5", "3", "0"],
        "winner": "Ada",
        "winners": ["Ada"],
        "tie_rule": "no_winner",
        "valid": 2,
        "invalid": 0,
        "cast": "8",
        "quorum_power": "8",
        "explanation": ["Ada has the most: 5 of 8."],
        "invalid_ballots": [],
    }
    assert second["winner"] == "Ada"


@pytest.mark.parametrize(
    ("method", "ballots", "scores", "winner"),
    [
        ("basic", [(1, VOTE // 10), (1, VOTE // 5), (2, 3 * VOTE // 10)], [str(3 * VOTE // 10)] * 2 + ["0"], None),
        ("approval", [([1, 2], 2), ([2], 1), ([], 9)], ["2", "3", "0"], "Bob"),
        ("weighted", [({"1": 0.1, "2": 0.2}, 10)], ["10/3", "20/3", "0"], "Bob"),
        ("weighted", [({"1": 1, "2": 3}, 10)], ["2.5", "7.5", "0"], "Bob"),
        ("quadratic", [({"1": 1}, 16), ({"2": 1}, 4), ({"2": 1}, 4)], ["12", "12", "0"], None),
        ("ranked-choice", [([1, 2, 3], 4), ([2, 1, 3], 3), ([3, 2, 1], 2)], ["4", "5", "0"], "Bob"),
        ("copeland", [([1, 2, 3], 1), ([2, 3, 1], 1), ([3, 1, 2], 1)], ["1", "1", "1"], None),
    ],
)
def test_each_method_answers_scores_and_winner(method, ballots, scores, winner):
    found = answer(poll(method, *ballots))
    assert (found["scores"], found["winner"], found["tie_rule"]) == (scores, winner, METHODS[method].tie_rule)
    assert ("rounds" in found, "pairwise" in found) == (method == "ranked-choice", method == "copeland")


@pytest.mark.parametrize(
    ("names", "scores"),
    [
        (["For", "Against", "Abstain"], ["5", "3", "1"]),
        (["No", "YES", "maybe"], ["5", "3", "1"]),
        (["Pour", "Contre", "Abstention"], ["5", "3", "1"]),
        (["Abstain", "Against", "For"], ["5", "3", "1"]),
    ],
)
@pytest.mark.parametrize("method", ["governor", "basic", "fractional"])
def test_names_say_which_choice_is_for_and_against_in_any_order(method, names, scores):
    found = answer(poll(method, (1, 5), (2, 3), (3, 1), choices=names))
    assert found["scores"] == scores
    in_favour, against = (
        next(place for place, name in enumerate(names) if name.lower() in words)
        for words in (("for", "yes", "pour"), ("against", "no", "contre"))
    )
    expected = in_favour if int(scores[in_favour]) > int(scores[against]) else against
    assert found["winner"] == names[expected]


def test_names_without_roles_fall_back_to_the_order_of_each_method():
    ballots = ((1, 5), (2, 3), (3, 9))
    assert answer(poll("basic", *ballots))["winner"] == "Ada"
    assert answer(poll("governor", *ballots))["winner"] == "Ada", "against wins"
    assert answer(poll("governor", *ballots))["quorum_power"] == "12"
    assert answer(poll("basic", *ballots))["quorum_power"] == "17"


def test_fractional_amounts_are_keyed_by_the_place_of_the_name():
    found = answer(poll("fractional", ({"1": "5", "2": 4}, 10), (2, 1), ({"4": 1}, 1), choices=["Yes", "No", "Other"]))
    assert (found["scores"], found["winner"], found["invalid"]) == (["5", "5", "0"], None, 1)


def test_an_election_answers_the_names_of_all_who_are_elected_and_its_rounds():
    found = answer(poll("stv", ([1, 2], 10), ([3], 4), ([2], 1), seats=2))
    assert found["winner"] == found["winners"] == ["Ada", "Bob"]
    assert found["rounds"][0] == {
        "round": 1,
        "scores": ["10", "1", "4"],
        "elected": ["Ada"],
        "eliminated": [],
        "transferred": ["0", "4", "0"],
        "exhausted": "0",
    }
    assert found["explanation"][0] == "The quota is 6: more than 15 / (2 + 1), for 2 seats."
    assert answer(poll("stv", seats=2))["winner"] == []


def test_files_are_read_one_after_the_other(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(poll("single-choice", (1, 1), choices=[name, "other"]) + b"\n")
    finished = run(b"", str(tmp_path / "one"), str(tmp_path / "two"))
    assert [json.loads(line)["winner"] for line in finished.stdout.splitlines()] == ["one", "two"]
    missing = run(b"", str(tmp_path / "three"))
    assert (missing.returncode, missing.stdout) == (2, b"")
    assert b"three" in missing.stderr


def test_an_answer_comes_before_the_next_line_is_read():
    with subprocess.Popen(
        [sys.executable, "-m", "governance.tally"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdin.write(poll("single-choice", (1, 1)) + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["winner"] == "Ada"
        process.stdin.close()


# --- bad ballots ---

BAD_BALLOTS = {
    "no power": '{"choice": [1]}',
    "no choice": '{"power": "1"}',
    "zero": '{"choice": [1], "power": "0"}',
    "negative": '{"choice": [1], "power": "-1"}',
    "a fraction as text": '{"choice": [1], "power": "1.5"}',
    "a fraction": '{"choice": [1], "power": 1.5}',
    "a float": '{"choice": [1], "power": 1.0}',
    "an exponent": '{"choice": [1], "power": 1e3}',
    "an exponent beyond bounds": '{"choice": [1], "power": 1e99999999999999999999}',
    "a sign": '{"choice": [1], "power": "+1"}',
    "a space": '{"choice": [1], "power": " 1"}',
    "a leading zero": '{"choice": [1], "power": "01"}',
    "another alphabet's digits": '{"choice": [1], "power": "١"}',
    "an underscore": '{"choice": [1], "power": "1_000"}',
    "true": '{"choice": [1], "power": true}',
    "null": '{"choice": [1], "power": null}',
    "NaN": '{"choice": [1], "power": NaN}',
    "Infinity": '{"choice": [Infinity], "power": "1"}',
    "a list": '{"choice": [1], "power": ["1"]}',
    "a number for a ballot": "5",
    "null for a ballot": "null",
    "a list for a ballot": "[]",
    "the same key twice": '{"choice": [1], "power": "1", "power": "2"}',
    "an index from 0": '{"choice": [0], "power": "1"}',
    "an index too high": '{"choice": [4], "power": "1"}',
    "text for an index": '{"choice": ["1"], "power": "1"}',
    "true for an index": '{"choice": [true], "power": "1"}',
    "a float for an index": '{"choice": [1.0], "power": "1"}',
    "one index twice": '{"choice": [1, 1], "power": "1"}',
    "a map": '{"choice": {"1": 1}, "power": "1"}',
    "a surrogate": '{"choice": "\\ud800", "power": "1"}',
    "a power of a million digits": '{"choice": [1], "power": "' + "9" * 10**6 + '"}',
    "a number of a million digits": '{"choice": [1], "power": ' + "9" * 10**6 + "}",
    "an index of a million digits": '{"choice": [' + "9" * 10**6 + '], "power": "1"}',
    "a list of a hundred thousand": '{"choice": [' + "1," * 10**5 + '1], "power": "1"}',
    "nesting": '{"choice": ' + "[" * 500 + "]" * 500 + ', "power": "1"}',
    "deep nesting": '{"choice": ' + "[" * 10**5 + "]" * 10**5 + ', "power": "1"}',
    "deep maps": '{"choice": ' + '{"a":' * 10**5 + "1" + "}" * 10**5 + ', "power": "1"}',
}


@pytest.mark.parametrize("bad", BAD_BALLOTS.values(), ids=BAD_BALLOTS.keys())
def test_a_bad_ballot_is_counted_apart_with_its_reason_and_the_others_count(bad):
    start = time.process_time()
    found = answer_raw(f'{{"choice": [2], "power": "7"}}, {bad}, {{"choice": [2, 3], "power": 1}}')
    assert (found["scores"], found["valid"], found["invalid"]) == (["0", "8", "1"], 2, 1)
    (refused,) = found["invalid_ballots"]
    assert refused["position"] == 1
    assert 5 < len(refused["reason"]) < 300
    assert time.process_time() - start < 2
    json.dumps(found, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "weights", ['{"01": 1}', '{"1": -1}', '{"1": 0}', "{}", '{"1": "1"}', '{"1": 1e400}', '{"1": null}']
)
@pytest.mark.parametrize("method", ["weighted", "quadratic"])
def test_weights_that_snapshot_would_lose_are_refused(method, weights):
    assert answer_raw(f'{{"choice": {weights}, "power": "1"}}', method)["invalid"] == 1


def test_weights_written_in_any_way_are_read_exactly():
    found = answer_raw('{"choice": {"1": 1e-1, "2": 0.30, "3": 0}, "power": "4"}', "weighted")
    assert found["scores"] == ["1", "3", "0"]


# --- bad lines ---


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nope", "malformed_json"),
        (b'{"method"', "malformed_json"),
        (b'"\xff"', "malformed_json"),
        (b"[]", "not_a_poll"),
        (b"5", "not_a_poll"),
        (b'{"method": "basic", "method": "stv"}', "not_a_poll"),
        (b"[" * 10**6, "too_deep"),
        (b'{"a":' * 10**5, "too_deep"),
        (b'"' + b'\\"' * 10**6, "malformed_json"),
        (b"[" * 10**5 + b'"' + b'\\"' * 10**5, "too_deep"),
        (b'{"choices": [], "ballots": []}', "missing_key"),
        (b'{"method": "basic", "choices": ["a", "b"]}', "missing_key"),
        (poll("loudest"), "unknown_method"),
        (poll(["basic"]), "unknown_method"),
        (poll("basic", choices=[]), "invalid_choices"),
        (poll("approval", choices=["Ada", "Ada"]), "invalid_choices"),
        (poll("approval", choices="Ada"), "invalid_choices"),
        (poll("approval", choices=[1, 2]), "invalid_choices"),
        (poll("approval", choices=["Ada", ["Bob"]]), "invalid_choices"),
        (poll("approval", choices=["Ada", "\ud800"]), "invalid_choices"),
        (poll("approval", choices=[str(number) for number in range(1001)]), "invalid_choices"),
        (poll("governor", choices=["a", "b", "c", "d"]), "invalid_choices"),
        (poll("stv", seats=4), "invalid_seats"),
        (poll("stv", seats="2"), "invalid_seats"),
        (poll("approval", seats=2), "invalid_seats"),
        (b'{"method": "basic", "choices": ["a", "b"], "ballots": {}}', "invalid_ballots"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_line_that_is_no_poll_is_refused_with_a_code(line, code):
    start = time.process_time()
    with pytest.raises(PollError) as refused:
        answer(line)
    assert refused.value.code == code
    assert len(refused.value.detail) < 300
    assert time.process_time() - start < 2


def test_the_lines_beside_a_bad_one_are_still_answered_and_the_exit_status_says_so():
    finished = run(b"nope\n" + poll("single-choice", (1, 1)) + b"\n" + poll("loudest"))
    answers = [json.loads(line) for line in finished.stdout.splitlines()]
    assert finished.returncode == 1
    assert [found.get("error") for found in answers] == ["malformed_json", None, "unknown_method"]
    assert answers[1]["winner"] == "Ada"


def test_a_line_that_is_too_long_is_skipped_without_being_held(monkeypatch):
    monkeypatch.setattr(command, "LINE_BYTES_MAX", 100)
    source = io.BytesIO(b"x" * 1000 + b"\n" + b"y" * 100 + b"\n" + b"z" * 101)
    assert [len(line) for line in command.lines(source)] == [101, 101, 101]
    with pytest.raises(PollError, match="too_large"):
        answer(b" " * (LINE_BYTES_MAX + 1))


def test_deep_parts_are_replaced_and_brackets_in_texts_are_no_depth():
    deep = "[" * 20 + '"]"' + "]" * 20
    assert without_depths(f'{{"a": {deep}, "b": "[[[[[[[[[[[["}}') == (
        '{"a": [[[[[[["nested too deeply"]]]]]]], "b": "[[[[[[[[[[[["}'
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["1", "2", "choice", "power"]), inner)
        ),
        max_leaves=12,
    ),
    st.sampled_from(sorted(METHODS)),
)
def test_whatever_stands_in_a_ballot_is_valid_or_refused(found, method):
    line = json.dumps({"method": method, "choices": NAMES, "ballots": [found, {"choice": found, "power": "3"}]})
    counted = answer(line.encode())
    assert counted["valid"] + counted["invalid"] == 2
    json.dumps(counted, ensure_ascii=False).encode()
