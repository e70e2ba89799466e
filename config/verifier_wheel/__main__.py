"""Command line: `python -m config.verifier_wheel FOLDER` writes commonweights_verify-VERSION-py3-none-any.whl there.

The same sources give the same bytes.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import packages_distributions
from pathlib import Path

from config.verifier_wheel.collect import Needed, needed_by
from models_registry.provenance.report import VERSION

PROGRAM = "models_registry.provenance.__main__"
ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# Zip archives begin to count here; a build is not the place for a clock.
EPOCH_SECONDS = 315_532_800


def main() -> int:
    """Build the wheel and print where it is."""
    parser = argparse.ArgumentParser(prog="python -m config.verifier_wheel", description="Build the verifier's wheel.")
    parser.add_argument("folder", type=Path, help="where to put the wheel")
    print(build(parser.parse_args().folder))
    return 0


def build(folder: Path) -> Path:
    """Lay out the sources that the verifier needs, build the wheel with pip, and return its path."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        lay_out(source)
        wheels = Path(temporary) / "wheels"
        quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
        done = subprocess.run(  # noqa: S603 - our own pip
            [sys.executable, "-m", "pip", "wheel", *quiet, "--wheel-dir", str(wheels), str(source)],
            env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH_SECONDS)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"the wheel was not built:\n{done.stdout}{done.stderr}")
        (built,) = wheels.glob("*.whl")
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(built, folder / built.name))


def lay_out(target: Path) -> Needed:
    """Write a source tree for the wheel and return what is in it."""
    needed = needed_by(PROGRAM, ROOT)
    for path in needed.modules.values():
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    shutil.copy(ROOT / "LICENSE", target / "LICENSE")
    shutil.copy(HERE / "wheel.toml", target / "pyproject.toml")
    wanted = requirements(needed)
    (target / "requirements.txt").write_text("".join(f"{line}\n" for line in wanted), encoding="utf-8")
    (target / "VERSION").write_text(VERSION, encoding="utf-8")
    kilobytes = round(sum(path.stat().st_size for path in needed.modules.values()) / 1000)
    filled = {"modules": len(needed.modules), "kilobytes": kilobytes}
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    listed = "\n".join(f"- `{line}`" for line in wanted)
    (target / "README.md").write_text(readme.format(**filled, requirements=listed), encoding="utf-8")
    return needed


def requirements(needed: Needed) -> list[str]:
    """Return the packages of others with the versions that this repository is tested with, or newer ones."""
    owners = packages_distributions()
    names = {_normal(owners[package][0]) for package in needed.packages}
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    versions = {_normal(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", pinned, re.MULTILINE)}
    return [f"{name}>={versions[name]}" for name in sorted(names)]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
