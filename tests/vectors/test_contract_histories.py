"""The contract that communities govern by, and our reading of its events, at every step of seeded random histories.

The same with 300 histories: `python -m tests.vectors.contract_histories`.
"""

from collections import Counter

import pytest

from config.demo import chain as demo
from tests.vectors.contract_histories import CHANGE, TAKEN, deploy, drive
from tests.vectors.governor_chain import compile_contracts

HISTORIES, SEED = 16, 5


@pytest.fixture(scope="module")
def seen() -> Counter[tuple[str, str]]:
    compile_contracts()
    with demo.start() as node:
        return drive(deploy(node.rpc_url), HISTORIES, SEED)


def test_the_contract_and_our_reading_agree_in_every_state(seen: Counter[tuple[str, str]]) -> None:
    looked = {stands for action, stands in seen if action == "look"}
    assert looked == {"pending", "active", "defeated", "succeeded", "queued", "executed", "canceled"}


def test_every_action_was_taken_and_was_refused(seen: Counter[tuple[str, str]]) -> None:
    for action, states in TAKEN.items():
        met = {stands for done, stands in seen if done == action}
        assert met & set(map(str, states)), f"{action} was never taken"
        assert met - set(map(str, states)), f"{action} was never refused"


def test_numbers_changed_meanwhile_and_no_decision_was_executed_twice(seen: Counter[tuple[str, str]]) -> None:
    assert {stands for done, stands in seen if done == CHANGE} == {"taken", "refused"}
