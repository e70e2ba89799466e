"""The runner with real child processes: watched, stopped in every way, and boxed in as far as the machine allows."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training_jobs import runner
from training_jobs.runner import ChildResult, Limits, run_child

REPOSITORY = Path(__file__).resolve().parents[2]
BOXES = ("bubblewrap", "network-namespace", "none")
# Writes the time into a file for ever, from a grandchild.
HEART = """
    import subprocess, sys
    beat = "import time\\nwhile True: open('beat', 'w').write(str(time.time())); time.sleep(0.02)"
    subprocess.run([sys.executable, "-c", beat])
"""


def works(box: str) -> bool:
    """Say whether this machine can start something in the box."""
    command = runner._box(box, None)  # type: ignore[arg-type]
    try:
        return (
            subprocess.run([*command, sys.executable, "-c", "pass"], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


@pytest.fixture(params=BOXES)
def box(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test in each box that this machine has."""
    if not works(request.param):
        pytest.skip(f"{request.param} does not work on this machine")
    monkeypatch.setattr(runner, "available_isolation", lambda: request.param)
    return str(request.param)


def run(program: str, run_dir: Path, **options: Any) -> ChildResult:
    """Run a Python program as the child."""
    defaults: dict[str, Any] = {
        "environment": {},
        "on_event": lambda _event: None,
        "on_tick": lambda: "continue",
        "tick_seconds": 0.1,
        "wall_seconds": 30,
    }
    return run_child([sys.executable, "-c", textwrap.dedent(program)], run_dir, **{**defaults, **options})


def is_still(file: Path) -> bool:
    """Say whether nobody writes the file any more."""
    before = file.read_text()
    time.sleep(0.2)
    return file.read_text() == before


def when_exists(file: Path, answer: str) -> Callable[[], str]:
    """Return a tick that goes on until the file is there."""
    return lambda: answer if file.exists() and file.read_text() else "continue"


def test_a_child_that_ends_well_is_finished(box: str, tmp_path: Path) -> None:
    result = run("print('hello')", tmp_path)
    assert (result.returncode, result.reason, result.isolation) == (0, "finished", box)


def test_a_status_other_than_zero_is_a_failure_with_its_last_words(box: str, tmp_path: Path) -> None:
    result = run("import sys; sys.stderr.write('x' * 10_000 + 'no water'); sys.exit(3)", tmp_path)
    assert (result.returncode, result.reason) == (3, "failed")
    assert result.stderr_tail.endswith("no water")
    assert len(result.stderr_tail) == runner.OUTPUT_TAIL_BYTES


def test_events_arrive_while_the_child_works(box: str, tmp_path: Path) -> None:
    program = """
        import os, time
        with open("events.jsonl", "a") as file:
            file.write('{"event": "started"}\\n{"event": ')
            file.flush()
            while not os.path.exists("seen"):
                time.sleep(0.01)
            file.write('"finished"}\\n')
    """
    events: list[dict[str, Any]] = []

    def on_event(event: dict[str, Any]) -> None:
        events.append(event)
        (tmp_path / "seen").touch()

    assert run(program, tmp_path, on_event=on_event, wall_seconds=10).reason == "finished"
    assert events == [{"event": "started"}, {"event": "finished"}]


def test_events_of_an_earlier_attempt_are_not_told_again(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"event": "old"}\n')
    events: list[dict[str, Any]] = []
    run("open('events.jsonl', 'a').write('{\"event\": \"new\"}\\n')", tmp_path, on_event=events.append)
    assert events == [{"event": "new"}]


def test_nonsense_among_the_events_does_not_stop_the_watcher(tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []
    program = "open('events.jsonl', 'wb').write(b'\\xff\\n[1]\\n' + b'[' * 60000 + b'\\n{\"event\": \"x\"}\\n')"
    assert run(program, tmp_path, on_event=events.append).reason == "finished"
    assert [event["event"] for event in events] == ["unreadable", "unreadable", "unreadable", "x"]


@pytest.mark.parametrize(("answer", "by"), [("cancel", signal.SIGTERM), ("stale", signal.SIGKILL)])
def test_a_tick_stops_the_child_and_its_children(box: str, tmp_path: Path, answer: str, by: int) -> None:
    result = run(HEART, tmp_path, on_tick=when_exists(tmp_path / "beat", answer))
    assert (result.reason, result.returncode) == (answer, -by)
    assert is_still(tmp_path / "beat")


# Goes on until SIGTERM, then takes some time to leave something behind.
LISTENS = """
    import os, signal, sys, time
    def stop(*_):
        time.sleep(0.5)
        open("left", "w").write("a checkpoint")
        open("events.jsonl", "a").write('{"event": "stopped"}\\n')
        sys.exit(4)
    signal.signal(signal.SIGTERM, stop)
    open("beat", "w").write("listening")
    while True:
        time.sleep(0.05)
"""


@pytest.mark.parametrize("answer", ["cancel", "pause", "leave"])
def test_a_child_that_is_asked_to_end_may_leave_something_behind(box: str, tmp_path: Path, answer: str) -> None:
    events: list[dict[str, Any]] = []
    result = run(LISTENS, tmp_path, on_tick=when_exists(tmp_path / "beat", answer), on_event=events.append)
    assert (result.reason, result.returncode) == (answer, 4)
    assert (tmp_path / "left").read_text() == "a checkpoint"
    assert events == [{"event": "stopped"}]


def test_the_wall_clock_leaves_time_too(box: str, tmp_path: Path) -> None:
    result = run(LISTENS, tmp_path, wall_seconds=1.5)
    assert (result.reason, result.returncode, (tmp_path / "left").exists()) == ("wall_limit", 4, True)


def test_a_child_that_does_not_listen_is_killed_after_its_time(box: str, tmp_path: Path) -> None:
    deaf = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("beat", "w").write("deaf")
        time.sleep(60)
    """
    limits = Limits(stop_seconds=0.5)
    result = run(deaf, tmp_path, on_tick=when_exists(tmp_path / "beat", "cancel"), limits=limits)
    assert (result.reason, result.returncode) == ("cancel", -signal.SIGKILL)


def test_a_lease_that_is_lost_while_the_child_ends_kills_it(tmp_path: Path) -> None:
    answers = iter(["continue", "pause"])
    result = run(
        LISTENS.replace("0.5", "30"),
        tmp_path,
        on_tick=lambda: next(answers, "stale") if (tmp_path / "beat").exists() else "continue",
    )
    assert (result.reason, result.returncode) == ("stale", -signal.SIGKILL)


def test_a_child_ends_when_its_time_to_live_is_over(box: str, tmp_path: Path) -> None:
    until = runner.clock() + 1
    result = run(HEART, tmp_path, alive_until=lambda: until)
    assert (result.reason, result.returncode) == ("lost_contact", -signal.SIGKILL)
    assert is_still(tmp_path / "beat")


def test_the_guard_ends_the_child_when_its_watcher_hangs(box: str, tmp_path: Path) -> None:
    until = runner.clock() + 1

    def hang() -> str:
        while not is_still(tmp_path / "beat") or runner.clock() < until:
            time.sleep(0.05)
        return "continue"

    result = run(HEART, tmp_path, on_tick=when_beating(tmp_path / "beat", hang), alive_until=lambda: until)
    assert (result.reason, result.returncode) == ("lost_contact", -signal.SIGKILL)


def when_beating(file: Path, then: Callable[[], str]) -> Callable[[], str]:
    """Return a tick that goes on until the file is there, and then does something."""
    return lambda: then() if file.exists() and file.read_text() else "continue"


def test_memory_beyond_the_limit_is_not_given(box: str, tmp_path: Path) -> None:
    limits = Limits(memory_bytes=300_000_000)
    result = run("bytearray(100_000_000)", tmp_path, limits=limits)
    assert result.reason == "finished", result.stderr_tail
    result = run("bytearray(400_000_000)", tmp_path, limits=limits)
    assert (result.reason, "MemoryError" in result.stderr_tail) == ("failed", True)


def test_a_file_beyond_the_limit_and_a_folder_beyond_the_quota_end_the_child(box: str, tmp_path: Path) -> None:
    limits = Limits(scratch_bytes=3_000_000)
    result = run("open('large', 'wb').write(bytes(4_000_000))", tmp_path, limits=limits)
    assert "File too large" in result.stderr_tail
    assert result.returncode != 0
    (tmp_path / "large").unlink()
    many = """
        import time
        for number in range(4):
            open(f"part{number}", "wb").write(bytes(1_000_000))
        time.sleep(60)
    """
    assert run(many, tmp_path, limits=limits).reason == "scratch_full"


def test_the_wall_clock_stops_the_child(box: str, tmp_path: Path) -> None:
    started = time.monotonic()
    result = run("import time; time.sleep(60)", tmp_path, wall_seconds=0.5)
    assert (result.reason, result.returncode) == ("wall_limit", -signal.SIGTERM)
    assert time.monotonic() - started < 10


def test_a_child_killed_from_outside_is_reported_as_killed(box: str, tmp_path: Path) -> None:
    result = run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    assert (result.reason, result.returncode) == ("killed", -signal.SIGKILL)


def test_what_a_child_leaves_behind_ends_with_it(box: str, tmp_path: Path) -> None:
    program = """
        import os, subprocess, sys, time
        beat = "import time\\nwhile True: open('beat', 'w').write(str(time.time())); time.sleep(0.02)"
        subprocess.Popen([sys.executable, "-c", beat])
        while not os.path.exists("beat"):
            time.sleep(0.01)
    """
    assert run(program, tmp_path).reason == "finished"
    assert is_still(tmp_path / "beat")


def test_a_callback_that_raises_ends_the_child(tmp_path: Path) -> None:
    def on_tick() -> str:
        if (tmp_path / "beat").exists():
            raise ConnectionError("the database is gone")
        return "continue"

    with pytest.raises(ConnectionError):
        run(HEART, tmp_path, on_tick=on_tick)
    assert is_still(tmp_path / "beat")


def test_a_child_dies_with_the_one_who_watches_it(box: str, tmp_path: Path) -> None:
    watcher = f"""
        import sys
        from pathlib import Path
        from training_jobs import runner
        runner.available_isolation = lambda: {box!r}
        beat = "import time\\nwhile True: open('beat', 'w').write(str(time.time())); time.sleep(0.02)"
        runner.run_child([sys.executable, "-c", beat], Path({str(tmp_path)!r}), environment={{}}, on_event=print,
                         on_tick=lambda: "continue", tick_seconds=1, wall_seconds=60)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(watcher)], cwd=REPOSITORY)
    beat = tmp_path / "beat"
    deadline = time.monotonic() + 10
    while not beat.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    time.sleep(0.2)
    assert is_still(beat)


def test_secrets_of_the_parent_do_not_reach_the_child(
    box: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONWEIGHTS_SECRET_KEY", "hunter2")
    program = "import os; open('seen', 'w').write(' '.join(os.environ) + ' ' + os.environ['EXTRA'])"
    assert run(program, tmp_path, environment={"EXTRA": "given"}).reason == "finished"
    seen = (tmp_path / "seen").read_text()
    assert "COMMONWEIGHTS_SECRET_KEY" not in seen
    assert seen.endswith("given")


def test_a_boxed_child_reaches_no_network_and_an_unboxed_one_says_that_it_could(box: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = run(f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=2)", tmp_path)
    assert result.isolation == box
    if box == "none":
        assert result.reason == "finished"
    else:
        assert result.reason == "failed"
        assert "OSError" in result.stderr_tail or "refused" in result.stderr_tail


def test_bubblewrap_hides_the_files_of_the_site_and_protects_the_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not works("bubblewrap"):
        pytest.skip("bubblewrap does not work on this machine")
    monkeypatch.setattr(runner, "available_isolation", lambda: "bubblewrap")
    run_dir, secret = tmp_path / "run", tmp_path / "key"
    (run_dir / "inputs").mkdir(parents=True)
    (run_dir / "inputs" / "data").write_text("as voted")
    secret.write_text("secret")
    program = f"""
        import os
        import training_jobs.spec
        assert not os.path.exists({str(secret)!r})
        assert not os.path.exists({str(REPOSITORY / "pyproject.toml")!r})
        assert not os.path.exists("/etc/shadow")
        try:
            open("inputs/data", "w")
        except OSError:
            open("result", "w").write("protected")
    """
    result = run(program, run_dir)
    assert result.reason == "finished", result.stderr_tail
    assert (run_dir / "result").read_text() == "protected"
    assert (run_dir / "inputs" / "data").read_text() == "as voted"


def test_the_box_in_use_is_one_that_works() -> None:
    box = runner.available_isolation()
    assert box in BOXES
    assert works(box)
    assert os.getpid()
