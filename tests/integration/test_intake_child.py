"""The child process that reads strangers' files: within its limits, killed in time, and without a trace."""

import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from models_registry.datasets.boxed import MEGABYTE, Box, Taken, Wanted, read_and_scan
from models_registry.datasets.canonical import describe
from models_registry.datasets.intake import IntakeError, Limits, Reading
from tests.faults.runs_site import until

LARGE = Limits(
    file_bytes_max=2_000_000_000, decoded_bytes_max=1_000_000_000, records_max=5_000_000, record_bytes_max=1_000_000
)


def row(number: int, **changes: str) -> dict[str, str]:
    texts = {"question": f"When is plant {number} watered?", "answer": f"At dawn of day {number}."}
    return {"id": str(number), "language": "en", "topic": "water", **texts, **changes}


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in rows)


def read(data: bytes | Path, folder: Path, name: str = "rows.jsonl", box: Box | None = None, **wanted: Any) -> Taken:
    if isinstance(data, bytes):
        sent = folder / "sent"
        sent.write_bytes(data)
    else:
        sent = data
    made = folder / "made"
    made.mkdir()
    return read_and_scan(Wanted([(name, sent)], licence="CC-BY-4.0", **wanted), made, box or Box(seconds=60))


def refusal(data: bytes | Path, folder: Path, name: str = "rows.jsonl", **wanted: Any) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        read(data, folder, name, **wanted)
    return caught.value


def test_a_file_comes_back_as_a_canonical_file_with_its_scans(tmp_path: Path) -> None:
    found = read(lines(*map(row, range(600))), tmp_path)
    told = describe(found.path)
    assert (found.digest, found.size, found.records) == (told.digest, told.size, 600)
    assert (found.records_root, found.shards) == (told.records_root, [shard.to_dict() for shard in told.shards])
    assert (found.kind, found.languages, found.files[0]["path"]) == ("dialogue", ["en"], "rows.jsonl")
    by_name = {scan["scan"]: scan for scan in found.scans}
    assert by_name["licence"]["passed"]
    assert "contamination" not in by_name


def test_the_scans_see_suites_and_included_datasets(tmp_path: Path) -> None:
    suite = tmp_path / "suite.jsonl"
    suite.write_bytes(lines(row(3, question="Who opens the north sluice when the river is above the red mark?")))
    data = lines(row(1), row(2, question="Who opens the north sluice when the river is above the red mark?"))
    found = read(data, tmp_path, suites=[suite], included=[("Known", suite, 1)])
    scan = {scan["scan"]: scan for scan in found.scans}["contamination"]
    assert (scan["passed"], scan["blocks"]) == (False, True)


def test_a_refusal_in_the_child_is_the_refusal(tmp_path: Path) -> None:
    error = refusal(lines(row(1)) + b"nonsense\n", tmp_path)
    assert (error.code, error.status, error.line, error.place) == ("malformed_row", 422, 2, "line")


def test_several_files_are_one_dataset(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jsonl").write_bytes(lines(row(number), row(number + 1)))
    files = [(f"{number}.jsonl", tmp_path / f"{number}.jsonl") for number in range(3)]
    made = tmp_path / "made"
    made.mkdir()
    found = read_and_scan(Wanted(files), made, Box(seconds=60))
    assert (found.records, found.repeated, len(found.files)) == (4, 2, 3)


# --- bombs --------------------------------------------------------------------------------------------------------


def page_bomb(megabytes: int) -> bytes:
    """Return a small Parquet file with one value of so many megabytes."""
    answer = pa.array(["x" * (megabytes * MEGABYTE)])
    columns = {name: pa.array([text]) for name, text in row(1).items()} | {"answer": answer}
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer, compression="zstd", use_dictionary=False, write_statistics=False)
    return buffer.getvalue()


def test_a_page_that_unpacks_beyond_the_memory_is_refused_and_ends_nothing_else(tmp_path: Path) -> None:
    data = page_bomb(150)
    assert len(data) < 100_000
    error = refusal(data, tmp_path, "rows.parquet", box=Box(memory_bytes=128 * MEGABYTE, seconds=60), limits=LARGE)
    assert error.code == "decoded_too_large"


def test_a_file_that_takes_too_long_is_killed_in_time(tmp_path: Path) -> None:
    pipe = tmp_path / "endless"
    os.mkfifo(pipe)
    begun = time.monotonic()
    error = refusal(pipe, tmp_path, box=Box(seconds=1))
    assert (error.code, error.status) == ("reader_too_slow", 413)
    assert time.monotonic() - begun < 10
    until(lambda: not _processes(tmp_path))


def test_a_reader_that_is_killed_is_a_refusal(tmp_path: Path) -> None:
    # The kernel ends it: so much processor time is more than it may take.
    data = tmp_path / "long.jsonl"
    with data.open("wb") as file:
        for number in range(120_000):
            file.write(lines(row(number)))
    error = refusal(data, tmp_path, box=Box(memory_bytes=20 * MEGABYTE, seconds=60), limits=LARGE)
    assert error.code in {"decoded_too_large", "reader_failed"}


def test_what_is_larger_than_the_memory_is_sorted_on_disk(tmp_path: Path) -> None:
    data = tmp_path / "large.jsonl"
    text = "It is watered at dawn, when the sun is low and the ground takes it up. " * 120
    with data.open("wb") as file:
        for number in range(14_000):
            file.write(lines(row(number, answer=f"{number * 7919 % 14_000} {text}")))
    assert data.stat().st_size > 110 * MEGABYTE
    made = tmp_path / "made"
    made.mkdir()
    order = Wanted([("large.jsonl", data)], limits=LARGE)
    found = _take_in_alone(order, made, Box(memory_bytes=96 * MEGABYTE, seconds=120))
    assert found["records"] == 14_000


def _take_in_alone(wanted: Wanted, folder: Path, box: Box) -> dict[str, Any]:
    """Run the reader of the child without the scans, under its own limit of memory; return what it says."""
    import subprocess

    from models_registry.datasets import boxed

    order = boxed.order_of(wanted, box)
    code = (
        "import json, sys; from pathlib import Path; from models_registry.datasets import child;"
        "order = json.loads(sys.argv[1]); child.limit(child._allowance(order, 'memory_bytes'));"
        "print(json.dumps(child._read(Path(sys.argv[2]), order)['taken']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, json.dumps(order), str(folder)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


# --- the box ------------------------------------------------------------------------------------------------------


def test_the_child_has_no_secret_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    from models_registry.datasets import boxed

    monkeypatch.setenv("COMMONWEIGHTS_SECRET_KEY", "very secret")
    code = (
        "import os, socket; from models_registry.datasets import child; child._close_network();"
        "print(sorted(os.environ)); "
        "print([name for _, name in socket.if_nameindex()])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], env=boxed.environment(tmp_path), capture_output=True, text=True, check=True
    ).stdout
    assert "SECRET" not in said
    assert said.splitlines()[1] == "['lo']"


def test_a_reader_that_lies_about_its_rows_is_found_out(tmp_path: Path) -> None:
    from models_registry.datasets import boxed, child

    data = tmp_path / "rows.jsonl"
    data.write_bytes(lines(row(1), row(2)))
    made = tmp_path / "made"
    made.mkdir()
    order = boxed.order_of(Wanted([("rows.jsonl", data)]), Box())
    taken = child._read(made, order)["taken"]
    assert child._judge(made, order, taken, time.monotonic() + 60)["taken"] == taken
    for lie in ({"digest": "0" * 64}, {"records_root": "0" * 64}, {"records": 3}, {"kind": "text"}, {"shards": []}):
        with pytest.raises(IntakeError, match="reader_failed"):
            child._judge(made, order, taken | lie, time.monotonic() + 60)


def test_how_files_are_read_travels_to_the_child(tmp_path: Path) -> None:
    data = "prompt;reply\n" + "Why?;Because.\n" * 2
    reading = Reading({"prompt": "question", "reply": "answer"}, "en", "water", "semicolon")
    found = read(data.encode(), tmp_path, "rows.csv", reading=reading)
    assert (found.records, found.repeated) == (1, 1)


def _processes(folder: Path) -> list[str]:
    """Return the processes that have this folder on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_web_processes_never_load_what_reads_parquet() -> None:
    import subprocess

    code = (
        "import config.wsgi, config.urls, sys; print([name for name in ('pyarrow', 'pandas') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert said.stdout.splitlines()[-1] == "[]"
