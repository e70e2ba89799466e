"""The difference of two specifications: complete as data, and said in words."""

from fractions import Fraction
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given, settings

from tests.unit.test_spec_variations import (
    DATASET,
    OTHER,
    accepted_payloads,
    budget,
    dataset,
    ddp,
    diloco,
    dilocox,
    lora,
    money,
    payload,
    preference,
)
from training_jobs.spec import difference, from_payload
from training_jobs.spec_words import sentence

TITLES = {DATASET: "Questions of the valley", OTHER: "Notes on wells", "e5" * 32: "Held-out questions"}
BOTH = [{"digest": DATASET, "languages": ["en", "fr"]}, {"digest": OTHER, "languages": ["fr"], "weight": 3}]
Changes = dict[str, Any]


def changes(old: Changes, new: Changes) -> list[tuple[str, str]]:
    found = difference(from_payload(payload(**old)), from_payload(payload(**new)))
    return [(change.field, change.code) for change in found]


def said(old: Changes, new: Changes) -> list[str]:
    with translation.override("en"):
        found = difference(from_payload(payload(**old)), from_payload(payload(**new)))
        return [sentence(change, TITLES) for change in found]


def test_equal_specifications_have_no_difference_whatever_their_spelling() -> None:
    assert changes({"learning_rate": "0.0030"}, {"learning_rate": "0.003", "accumulation": 1}) == []


def test_an_amount_says_how_many_times_it_is_the_old_one() -> None:
    old, new = (from_payload(payload(learning_rate=rate)) for rate in ("0.003", "0.001"))
    (change,) = difference(old, new)
    assert (change.field, change.code, change.old, change.new) == ("learning_rate", "times", "0.003", "0.001")
    assert change.times == Fraction(1, 3)


def test_a_choice_and_the_part_that_belongs_to_it_are_one_change() -> None:
    assert changes({}, diloco()) == [("strategy", "changed")]
    assert changes({}, lora()) == [("method", "changed")]
    assert changes({}, preference()) == [("objective", "changed")]
    assert changes(diloco(), diloco(local_steps=60)) == [("topology.local_steps", "times")]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"learning_rate": "0.001"}, {"learning_rate": "0.002"}, "The learning rate doubles: 0.001 → 0.002"),
        ({"epochs": 4}, {"epochs": 2}, "The number of epochs halves: 4 → 2"),
        ({"batch_size": 8}, {"batch_size": 24}, "The batch size grows by a factor of 3: 8 → 24"),
        ({"batch_size": 24}, {"batch_size": 8}, "The batch size shrinks by a factor of 3: 24 → 8"),
        ({"batch_size": 24}, {"batch_size": 32}, "The batch size grows: 24 → 32"),
        ({"warmup_steps": 30}, {"warmup_steps": 20}, "The number of warm-up steps shrinks: 30 → 20"),
        ({"weight_decay": "0"}, {"weight_decay": "0.1"}, "The weight decay changes: 0 → 0.1"),
        ({"seed": 7}, {"seed": 14}, "The seed changes: 7 → 14"),
        ({}, {"betas": ["0.9", "0.99"]}, "The memory of the optimizer (betas) changes: 0.9, 0.95 → 0.9, 0.99"),
        ({}, {"packing": True}, "The packing of several rows into one sequence changes: no → yes"),
        ({}, {"gradient_clip": "1"}, "The bound on the gradient had no value and is now 1"),
        ({"gradient_clip": "1"}, {}, "The bound on the gradient was 1 and has no value any more"),
        ({}, {"code": "f6" * 32}, "The required trainer code had no value and is now f6f6f6f6f6f6"),
        ({}, money(), "The budget in money had no value and is now 12.50 EUR"),
        (money(), money(amount="20"), "The budget in money changes: 12.50 EUR → 20.00 EUR"),
        ({}, budget(device_seconds=240), "The budget in device-seconds doubles: 120 → 240"),
        ({}, {"evaluation": {"suite": "e5" * 32}}, "The evaluation suite changes: d4d4d4d4d4d4 → Held-out questions"),
        ({}, {"datasets": BOTH}, "One dataset more: Notes on wells (French), 3 times in each epoch"),
        ({"datasets": BOTH}, {}, "One dataset less: Notes on wells (French), 3 times in each epoch"),
        ({}, dataset(), "The language selection of Questions of the valley changes: English, French → English"),
        (dataset(), dataset(weight=2), "The number of repetitions in each epoch of Questions of the valley changes: 1 → 2"),
        ({}, lora(), "Trains by LoRA of rank 8 instead of full fine-tuning"),
        (lora(), {}, "Trains by full fine-tuning instead of LoRA of rank 8"),
        (lora(), lora(rank=16), "The LoRA rank doubles: 8 → 16"),
        ({}, preference(), "Learns which of two answers is better (beta 0.1) instead of answers to questions"),
        ({}, diloco(), "Trains on 4 sites that exchange every 30 steps instead of on one machine"),
        (ddp(workers=3), {}, "Trains on one machine instead of on 3 machines that agree after every step"),
        (
            diloco(local_steps=1),
            dilocox(rank=128, bits=4, delay=1, adaptive=True, workers=5, aggregation="krum"),
            "Trains on 5 sites that exchange every 30 steps (rank 128, 4 bits, one exchange late, adapting on the way, Krum) instead of on 4 sites that exchange after every step",
        ),
        (diloco(), diloco(aggregation="centred_clipping"), "The way of averaging the contributions changes: plain mean → centred clipping"),
        (dilocox(), dilocox(stages=2), "The number of stages at each site doubles: 1 → 2"),
        ({}, diloco(stages=2), "Trains on 4 sites that exchange every 30 steps (2 pipeline stages at each site) instead of on one machine"),
    ],
)  # fmt: skip
def test_a_change_is_said_in_words(old: Changes, new: Changes, expected: str) -> None:
    assert said(old, new) == [expected]


def test_changes_come_in_the_order_of_the_specification() -> None:
    new = {"datasets": BOTH, "learning_rate": "0.006", "epochs": 6, **diloco()}
    assert [field for field, _ in changes({}, new)] == ["datasets", "learning_rate", "epochs", "strategy"]


@given(accepted_payloads(), accepted_payloads())
@settings(max_examples=100)
def test_no_difference_means_one_digest_and_every_change_has_a_sentence(one: Changes, other: Changes) -> None:
    old, new = from_payload(one), from_payload(other)
    found = difference(old, new)
    assert (found == []) == (old.digest == new.digest)
    with translation.override("en"):
        for change in found:
            said = sentence(change, {})
            assert said
            assert "%(" not in said
            assert "None" not in said
