"""Command line: `python -m training_jobs.rerun RELEASE --base FOLDER --data PATH…` makes check 12 of a verification.

The release is verified first, then trained again from the approved specification. Exit status: that of the verifier
(0 holds, 1 a check failed, 2 nothing to check or an input is wrong), and 3 when training did not come to its end.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from governance.evidence.record import Record
from models_registry.hidden_suites.commitment import rows_of
from models_registry.provenance import __main__ as verifier
from models_registry.provenance.case import Case, load
from models_registry.provenance.checks.common import executed_at
from models_registry.provenance.report import RERUN_CHECK, Report, Status
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.scorers import naming
from training_jobs.rerun import inputs, machine
from training_jobs.rerun.comparison import Recorded, compare
from training_jobs.spec import ON_ONE_SITE

ALONE = ("single", *ON_ONE_SITE)
# A stranger's machine may be slower than the one that was paid for.
PATIENCE = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify, train again, compare, print the report, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training_jobs.rerun", description="Train a release again.")
    verifier.add_arguments(parser)
    again = parser.add_argument_group("training again")
    again.add_argument("--base", type=Path, required=True, metavar="FOLDER", help="the base model, as downloaded")
    again.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="PATH", help="files or folders with datasets and suite"
    )
    again.add_argument(
        "--classifier", type=Path, nargs="+", default=[], metavar="FOLDER", help="classifiers that rules name"
    )
    again.add_argument("--work", type=Path, metavar="FOLDER", help="where to train, and to keep what was made")
    again.add_argument(
        "--device-seconds", type=int, metavar="N", help=f"how long at most (default: {PATIENCE} budgets)"
    )
    return verifier.run(parser.parse_args(arguments), further=_again)


def _again(report: Report, options: argparse.Namespace) -> Report:
    """Return the report with check 12 made. Raises InputWrong.

    1. only for a release that verifies, trained on one machine; 2. inputs by digest; 3. train and measure; 4. compare.
    """
    if not report.ok:  # 1
        return report.with_finding(RERUN_CHECK, Status.NOT_CHECKED, "the release does not verify")
    case = load(options.path, report.trust_roots)
    recorded, spec = _recorded(case)
    if spec.body["strategy"] not in ALONE:
        reason = f"it was trained by several machines ({spec.body['strategy']}); this is one"
        return report.with_finding(RERUN_CHECK, Status.NOT_CHECKED, reason)
    measured = recorded.evaluation.body
    suites = {measured["suite"]: measured, **measured["further"]}
    named = naming.classifiers_in(name for part in suites.values() for name in part["candidate"])
    judges = inputs.find_classifiers(named, options.classifier)
    found = inputs.find(spec.body, options.base, options.data, measured["further"], judges)  # 2
    seconds = options.device_seconds or spec.body["budget"]["device_seconds"] * PATIENCE
    with tempfile.TemporaryDirectory() as temporary:
        trained = machine.train(  # 3
            found,
            spec.body,
            {suite: sorted(part["candidate"]) for suite, part in suites.items() if part["candidate"]},
            options.work or Path(temporary) / "run",
            device_seconds=seconds,
            say=lambda line: print(line, file=sys.stderr),
        )
    if trained.outcome.how != "done":
        reason = f"training again ended: {trained.outcome.how} {trained.outcome.code} {trained.outcome.detail}".strip()
        return report.with_finding(RERUN_CHECK, Status.NOT_CHECKED, reason)
    answer = compare(recorded, trained.description, trained.report)  # 4
    return report.with_finding(RERUN_CHECK, answer.status, answer.evidence, answer.problems, answer.outcome)


def _recorded(case: Case) -> tuple[Recorded, Record]:
    release = next(iter(case.of_kind("release")))
    run, evaluation = (parent_of(release, kind, case.records) for kind in ("run", "evaluation"))
    rules = tuple(parents_of(evaluation, "rule", case.records))
    spec = parent_of(run, "spec", case.records)
    opened = rows_of(opening.body for opening in parents_of(evaluation, "opening", case.records))
    return Recorded(spec.body["output"], run, evaluation, rules, executed_at(spec, case), opened), spec


if __name__ == "__main__":
    sys.exit(main())
