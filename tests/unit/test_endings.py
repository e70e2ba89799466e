"""Why a child ended: each cause has its own code, and what cannot help is not tried again."""

import signal
from pathlib import Path
from typing import Any

import pytest

from training_jobs import oom
from training_jobs.endings import ending_of
from training_jobs.failures import FAILURES, failure
from training_jobs.runner import ChildResult

KILLED = {"returncode": -signal.SIGKILL, "reason": "killed"}


def result(**values: Any) -> ChildResult:
    return ChildResult(**{"returncode": 1, "reason": "failed", "stderr_tail": "", "isolation": "none", **values})


CASES = {
    "the child says it itself": (result(returncode=3), {"code": "loss_spike", "detail": "up"}, "loss_spike", True),
    "it says it, and it may pass": (result(), {"code": "out_of_memory"}, "out_of_memory", False),
    "killed by the kernel for memory": (result(**KILLED, oom_killed=True), None, "out_of_memory", False),
    "no memory was given": (result(stderr_tail="…\nMemoryError"), None, "out_of_memory", False),
    "no memory on the GPU": (result(stderr_tail="CUDA out of memory. Tried to"), None, "out_of_memory", False),
    "killed by somebody": (result(**KILLED), None, "killed", False),
    "disk full, in words": (
        result(stderr_tail="OSError: [Errno 28] No space left on device"),
        None,
        "disk_full",
        False,
    ),
    "disk full, too full for words": (result(disk_full=True), None, "disk_full", False),
    "one file too large": (result(stderr_tail="OSError: [Errno 27] File too large"), None, "scratch_full", True),
    "one file too large, by signal": (result(returncode=-signal.SIGXFSZ, reason="killed"), None, "scratch_full", True),
    "the folder too large": (result(**{**KILLED, "reason": "scratch_full"}), None, "scratch_full", True),
    "processor time": (result(returncode=-signal.SIGXCPU, reason="killed"), None, "budget_used_up", True),
    "wall clock": (result(returncode=4, reason="wall_limit"), None, "budget_used_up", True),
    "hung": (result(**{**KILLED, "reason": "no_progress"}), None, "no_progress", False),
    "no contact": (result(**{**KILLED, "reason": "lost_contact"}), None, "lost_contact", False),
    "a traceback": (result(stderr_tail="ZeroDivisionError"), None, "failed", False),
    "permanent without a word": (result(returncode=3), None, "failed", True),
}


@pytest.mark.parametrize(("ended", "said", "code", "permanent"), CASES.values(), ids=CASES.keys())
def test_each_cause_has_its_code(ended: ChildResult, said: dict[str, Any] | None, code: str, permanent: bool) -> None:
    ending = ending_of(ended, said, training=True)
    assert ending is not None
    assert (ending.code, ending.permanent) == (code, permanent)
    assert code in FAILURES


def test_to_stop_without_being_asked_by_us_is_no_failure() -> None:
    assert ending_of(result(returncode=4), None, training=True) is None
    assert ending_of(result(returncode=4), None, training=False) is not None


def test_measuring_too_long_is_told_from_training_too_long() -> None:
    ending = ending_of(result(returncode=-signal.SIGTERM, reason="wall_limit"), None, training=False)
    assert ending is not None
    assert ending.code == "evaluation_too_long"


@pytest.mark.parametrize("code", FAILURES)
def test_every_failure_says_what_happened_and_one_thing_to_do(code: str) -> None:
    found = failure(code)
    assert found is not None
    assert failure(code[:20]) is found, "an outcome keeps twenty characters of a code"
    for text in (str(found.name), str(found.says), str(found.suggestion)):
        assert text
    assert str(found.says).endswith(".")
    assert str(found.suggestion).endswith(".")


@pytest.mark.parametrize(
    ("name", "text"),
    [("memory.events", "low 0\noom 3\noom_kill 2\n"), ("memory.oom_control", "oom_kill_disable 0\noom_kill 2\n")],
)
def test_the_kernels_own_count_of_kills_is_read_in_both_forms(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oom, "_memory_groups", lambda: [tmp_path])
    (tmp_path / name).write_text(text)
    assert oom.kills() == 2
    (tmp_path / name).write_text("nothing that is known\n")
    assert oom.kills() >= 0, "then the whole machine is asked"
