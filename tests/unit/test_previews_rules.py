"""Previews, pure: where one stands, which questions are asked, which share of the steps is taken, what is drawn."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from training_jobs.previews.lifecycle import CLAIMABLE, UNFINISHED, Facts, State, state
from training_jobs.previews.report import POINTS_MAX, thinned
from training_jobs.trainer import preview
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.strategies.diloco import place_in

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(), State.QUEUED),
        (Facts(lease_owner="a", lease_expires_at=LATER), State.RUNNING),
        (Facts(lease_owner="a", lease_expires_at=NOW), State.STALLED),
        (Facts(finished_at=NOW), State.DONE),
        (Facts(failed_at=NOW), State.FAILED),
        (Facts(finished_at=NOW, lease_owner="a", lease_expires_at=LATER), State.DONE),
        (Facts(failed_at=NOW, lease_owner="a", lease_expires_at=LATER), State.FAILED),
    ],
)
def test_the_state_follows_from_the_facts_and_the_clock(facts: Facts, expected: State) -> None:
    assert state(facts, NOW) is expected


def test_what_is_in_line_or_was_left_alone_can_be_taken_and_what_has_ended_cannot() -> None:
    assert {State.QUEUED, State.STALLED} == CLAIMABLE
    assert set(State) - {State.DONE, State.FAILED} == UNFINISHED


def rows(**languages: int) -> list[dict[str, Any]]:
    return [{"id": f"{name}{index}", "language": name} for name, count in languages.items() for index in range(count)]


@pytest.mark.parametrize(
    ("languages", "samples", "expected"),
    [
        ({"en": 50, "fr": 50}, 10, {"en": 5, "fr": 5}),
        ({"en": 97, "fr": 3}, 10, {"en": 5, "fr": 3}),
        ({"en": 2, "fr": 2}, 10, {"en": 2, "fr": 2}),
        ({"en": 9, "fr": 9, "de": 9}, 2, {"en": 1, "fr": 1, "de": 1}),
        ({"en": 7}, 3, {"en": 3}),
    ],
)
def test_as_many_questions_of_each_language_are_asked(
    languages: dict[str, int], samples: int, expected: dict[str, int]
) -> None:
    found = preview.chosen(rows(**languages), samples)
    assert {name: sum(row["language"] == name for row in found) for name in expected} == expected
    assert found == [row for row in rows(**languages) if row in found]


@pytest.mark.parametrize(("workers", "local_steps"), [(1, None), (3, None), (3, 5)])
def test_one_machine_takes_the_share_of_the_first_of_several(workers: int, local_steps: int | None) -> None:
    topology = None if workers == 1 else SimpleNamespace(workers=workers, local_steps=local_steps)
    alone = preview.Alone(SimpleNamespace(batches_at_once=workers, seed=7, topology=topology), Path())  # type: ignore[arg-type]
    plan = [((number,),) for number in range(10)]
    taken = [row[0][0] for row in alone.share(plan)]  # type: ignore[arg-type]
    assert len(taken) == alone.steps(10) == 10 // workers
    places = [place_in(7, turn, workers, 0) if local_steps else 0 for turn in range(len(taken))]
    assert taken == [turn * workers + place for turn, place in enumerate(places)]


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "7", '"steps"', "{}", '{"steps": 5}', '{"samples": 5}', '{"steps": 0, "samples": 5}',
        '{"steps": 5, "samples": 0}', '{"steps": -1, "samples": 5}', '{"steps": "5", "samples": 5}',
        '{"steps": true, "samples": 5}', '{"steps": 5.5, "samples": 5}', '{"steps": null, "samples": 5}',
        '{"steps": [5], "samples": 5}', '{"steps": 5, "samples": 5, "weights": 1}', '{"steps": 5, "steps": 6}',
        '{"steps": 1e3, "samples": 5}',
        '{"steps": 5, "samples": 5}' + " " * 2_000,
    ],
)  # fmt: skip
def test_bounds_that_are_none_end_the_preview(tmp_path: Path, content: str) -> None:
    (tmp_path / preview.FILE).write_text(content)
    with pytest.raises(PermanentFailure):
        preview.read(tmp_path)


def test_without_bounds_it_is_a_run(tmp_path: Path) -> None:
    assert preview.read(tmp_path) is None
    (tmp_path / preview.FILE).write_text('{"steps": 5, "samples": 3}')
    assert preview.read(tmp_path) == preview.Preview(5, 3)


@pytest.mark.parametrize("count", [0, 1, 2, POINTS_MAX, POINTS_MAX + 1, 5_000])
def test_a_curve_keeps_its_ends(count: int) -> None:
    found = thinned(list(range(count)))
    assert len(found) == min(count, POINTS_MAX)
    assert found[:1] == list(range(count))[:1]
    assert found[-1:] == list(range(count))[-1:]
