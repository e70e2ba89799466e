"""The order of a ranked ballot in the browser: what a button, a typed place or a drag makes of it. The page's own code."""

import json
import shutil
import subprocess
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

PEER = Path(__file__).with_name("ranking_peer.mjs")
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")


def ask(*questions: tuple[str, list[Any]]) -> list[Any]:
    """Call functions of ranking-order.js, all in one process."""
    lines = "".join(json.dumps({"name": name, "args": args}) + "\n" for name, args in questions)
    done = subprocess.run([str(NODE), str(PEER)], input=lines, check=True, capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_typed_place_moves_one_choice_and_leaves_the_others_in_their_order() -> None:
    orders = [list(order) for count in range(1, 5) for order in permutations("abcd"[:count])]
    questions = [(order, code, place) for order in orders for code in order for place in range(-1, len(order) + 3)]
    answers = ask(*(("placed", list(question)) for question in questions))
    for (order, code, place), found in zip(questions, answers, strict=True):
        others = [other for other in order if other != code]
        assert found.index(code) + 1 == min(max(place, 1), len(order))
        assert [other for other in found if other != code] == others


def test_a_choice_is_ranked_once_and_one_that_is_not_ranked_cannot_be_moved() -> None:
    assert ask(("added", [["a"], "b"]), ("added", [["a", "b"], "a"]), ("placed", [["a", "b"], "c", 1])) == [
        ["a", "b"], ["a", "b"], ["a", "b"],
    ]  # fmt: skip
    assert ask(("removed", [["a", "b", "c"], "b"]), ("removed", [["a"], "b"])) == [["a", "c"], ["a"]]


def test_a_place_is_a_whole_number_of_the_order_and_nothing_else() -> None:
    typed = {"1": 1, " 4 ": 4, "04": 4, "0": None, "5": None, "-1": None, "1.5": None, "": None, "x": None, "1e0": None, "٢": None, "99999": None}  # fmt: skip
    assert ask(*(("readPlace", [text, 4]) for text in typed)) == list(typed.values())


def test_what_is_dragged_lands_below_every_row_whose_middle_it_passed() -> None:
    middles = [30, 80, 130]
    heights = {-5: 1, 30: 1, 31: 2, 79: 2, 81: 3, 130: 3, 500: 4}
    assert ask(*(("placeAt", [y, middles]) for y in heights)) == list(heights.values())
    assert ask(("placeAt", [10, []])) == [1]
