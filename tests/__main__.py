"""`python -m tests [--checks]`: every check and every test, cheapest first; stops at the first that fails.

1. style, types, import contracts, Django's own checks, migrations (--checks ends here)
2. all tests on both cores: the journeys (PostgreSQL + Redis, and a real browser over the demo) wait more than they work,
   so they go first, beside unit, vector, architecture, integration and fault tests
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PRODUCTION = {
    "COMMONWEIGHTS_ORIGIN": "https://commons.example",
    "COMMONWEIGHTS_DATA": str(ROOT / "var" / "check-deploy"),
    "COMMONWEIGHTS_SECRET_KEY": "only-for-this-check-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
}
CHECKS: tuple[tuple[str, list[str], dict[str, str]], ...] = (
    ("style", [str(BIN / "ruff"), "check", "."], {}),
    ("format", [str(BIN / "ruff"), "format", "--check", "."], {}),
    ("types", [str(BIN / "mypy")], {}),
    ("import contracts", [str(BIN / "lint-imports")], {}),
    ("migrations", [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"], {}),
    (
        "deployment",
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        PRODUCTION,
    ),
    (
        "API schema",
        [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn", "--file", os.devnull],
        {},
    ),
)
# Each file on one worker, for what its tests share; in the order of tests/conftest.py.
WORKERS = max(2, os.cpu_count() or 1)
TESTS: tuple[tuple[str, list[str], dict[str, str]], ...] = (
    (
        "tests",
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", str(WORKERS)),
            *("--dist", "loadfile", "--no-loadscope-reorder", "--durations", "40", "tests"),
        ],
        {},
    ),
)


def main(arguments: list[str]) -> int:
    """Run the steps; return the first failure's status."""
    steps = CHECKS if "--checks" in arguments else CHECKS + TESTS
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "PYTHONPATH": str(ROOT)}
    # Tests start hundreds of processes: each would compile all of our code again where no other may keep what it compiled.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for name, command, extra in steps:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        finished = subprocess.run(command, cwd=ROOT, env={**environment, **extra}, check=False)
        print(
            f"== {name}: {'ok' if finished.returncode == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s",
            flush=True,
        )
        if finished.returncode != 0:
            return finished.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
