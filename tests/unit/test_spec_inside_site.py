"""Specifications for several devices of one site: what they say, what they are refused for, and what they cost."""

from typing import Any

import pytest

from tests.unit.test_spec import DATASET, payload
from training_jobs import spec_words
from training_jobs.spec import ON_ONE_SITE, STRATEGIES, SpecError, estimate, from_payload, require_within_budget

FOUR = {"workers": 4}


def of(strategy: str, **changes: Any) -> Any:
    return from_payload(payload(strategy=strategy, topology=FOUR, **changes))


def refusal(strategy: str, **changes: Any) -> SpecError:
    with pytest.raises(SpecError) as caught:
        from_payload(payload(strategy=strategy, **changes))
    return caught.value


@pytest.mark.parametrize("strategy", ON_ONE_SITE)
def test_only_the_workers_are_said(strategy: str) -> None:
    found = of(strategy)
    assert from_payload(found.to_dict()) == found
    assert refusal(strategy).field == "topology"
    refused = refusal(strategy, topology={**FOUR, "local_steps": 3})
    assert (refused.code, refused.field) == ("value_out_of_range", "topology.local_steps")
    assert strategy in refused.allowed


def test_each_of_them_is_said_in_words_of_its_own() -> None:
    assert set(spec_words.STRATEGIES) == set(STRATEGIES)
    assert len({spec_words.place(strategy, FOUR) for strategy in ON_ONE_SITE}) == len(ON_ONE_SITE)


def test_a_pipeline_cannot_compare_with_a_frozen_base() -> None:
    preference = {"objective": "preference", "preference": {"beta": "0.1"}}
    refused = refusal("pipeline", topology=FOUR, **preference)
    assert (refused.code, refused.field) == ("value_out_of_range", "strategy")
    assert of("fsdp", **preference).objective == "preference"


def test_workers_that_share_batches_take_fewer_steps_and_stages_do_not() -> None:
    costs = {name: estimate(of(name), {DATASET: 4_096}) for name in ON_ONE_SITE}
    alone = estimate(from_payload(payload()), {DATASET: 4_096})
    assert costs["ddp"] == costs["fsdp"]
    assert costs["fsdp"].steps * 4 == alone.steps == costs["pipeline"].steps
    # Stages may wait for each other: four devices are held for as long as one would be.
    assert costs["pipeline"].device_seconds == 4 * alone.device_seconds


def test_a_pipeline_needs_no_more_batches_than_one_machine() -> None:
    budget = {"device_seconds": 100_000}
    require_within_budget(of("pipeline", epochs=1, budget=budget), {DATASET: 32})
    with pytest.raises(SpecError) as caught:
        require_within_budget(of("fsdp", epochs=1, budget=budget), {DATASET: 32})
    assert caught.value.field == "topology.workers"


def test_stages_among_sites_hold_more_devices_for_as_long() -> None:
    several = {"workers": 2, "local_steps": 4}
    whole, staged = (
        estimate(from_payload(payload(strategy="dilocox", topology={**several, "stages": stages})), {DATASET: 4_096})
        for stages in (1, 3)
    )
    assert (staged.steps, staged.tokens) == (whole.steps, whole.tokens)
    assert staged.device_seconds == 3 * whole.device_seconds
