"""What keeps the parts apart: pure modules load with the frameworks blocked, and the web process never loads torch."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = [
    "governance.lifecycle",
    "governance.delegation",
    "governance.eip712",
    "governance.siwe",
    "governance.tally",
    "governance.outcome",
    "governance.charter",
    "governance.counting",
    "governance.choices",
    "governance.sealed.box",
    "governance.sealed.opening",
    "governance.notifications.topics",
    "governance.score_over_time",
    "governance.missing",
    "governance.receipts.verify",
    "governance.receipts.__main__",
    "governance.recount.check",
    "governance.recount.__main__",
    "governance.tally.__main__",
    "governance.errors",
    "governance.wallets.asking",
    "governance.wallets.safes",
    "governance.wallets.again",
    "governance.evidence.canonical",
    "governance.evidence.record",
    "governance.evidence.merkle",
    "governance.evidence.log_tree",
    "governance.evidence.checkpoint",
    "governance.evidence.signing",
    "models_registry.gates",
    "models_registry.duties.tasks",
    "models_registry.duties.signing",
    "models_registry.constitution.history",
    "models_registry.constitution.lint",
    "models_registry.card",
    "models_registry.card_text",
    "models_registry.promises",
    "models_registry.responsibility",
    "models_registry.model_graph",
    "models_registry.incidents.lifecycle",
    "models_registry.status_check",
    "models_registry.datasets.kinds",
    "models_registry.provenance.manifest",
    "models_registry.provenance.statement",
    "models_registry.provenance.lineage",
    "models_registry.provenance.verify",
    "models_registry.provenance.__main__",
    "models_registry.provenance.report_html",
    "models_registry.chain_check",
    "models_registry.anchor_check",
    "governance.anchoring.steps",
    "governance.anchoring.check",
    "governance.chain.node",
    "models_registry.rights.sources",
    "models_registry.rights.contributors",
    "models_registry.rights.leaves",
    "models_registry.rights.lifecycle",
    "models_registry.rights.blast",
    "models_registry.rights.croissant",
    "training_jobs.scheduling.choose",
    "training_jobs.scheduling.explain",
    "training_jobs.scheduling.carbon",
    "training_jobs.scheduling.prices",
    "training_jobs.scheduling.events",
    "training_jobs.sites.lifecycle",
    "training_jobs.ledger.currencies",
    "training_jobs.settlement.matching",
    "training_jobs.settlement.__main__",
    "training_jobs.commons.lifecycle",
    "training_jobs.transparency.figures",
    "training_jobs.transparency.suppression",
    "training_jobs.transparency.feed",
    "training_jobs.transparency.__main__",
    "training_jobs.carbon.sample_year",
    "models_registry.rights.settling",
    "training_jobs.spec",
    "training_jobs.lifecycle",
    "training_jobs.checkpoints",
    "training_jobs.endings",
    "training_jobs.guard",
    "training_jobs.supervisor",
    "training_jobs.previews.lifecycle",
    "training_jobs.runners.tokens",
    "training_jobs.bot.__main__",
    "training_jobs.rerun.__main__",
]
FRAMEWORKS = ["django", "rest_framework", "celery", "redis", "web3", "torch", "transformers", "requests", "httpx2"]
BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {frameworks}:
            raise ImportError(f"{{name}} is not for a pure module")
sys.meta_path.insert(0, Blocked())
import {module}
"""


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **environment},
    )


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_loads_with_the_frameworks_blocked(module):
    finished = run(BLOCK.format(frameworks=set(FRAMEWORKS), module=module))
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("module", ["training_jobs.trainer.__main__", "training_jobs.evaluation.__main__"])
def test_the_trainer_and_the_evaluator_know_no_web_framework(module):
    finished = run(BLOCK.format(frameworks={"django", "rest_framework", "celery", "redis", "web3"}, module=module))
    assert finished.returncode == 0, finished.stderr


def test_what_the_bot_is_installed_with_is_all_that_it_and_its_children_load():
    """The distributions behind every module that is loaded, and what requirements-bot.txt brings along."""
    code = (
        "import importlib.metadata as m, re, sys\n"
        "import training_jobs.bot.__main__, training_jobs.trainer.__main__, training_jobs.trainer.job\n"
        "import training_jobs.evaluation.__main__, training_jobs.evaluation.job\n"
        "norm = lambda name: re.sub('[-_.]+', '-', name).lower()\n"
        "lines = open('requirements-bot.txt').read().splitlines()\n"
        "waiting = [norm(line.split('==')[0]) for line in lines if '==' in line]\n"
        "assert {'django', 'djangorestframework', 'celery', 'web3'}.isdisjoint(waiting)\n"
        "wanted = set()\n"
        "while waiting:\n"
        "    name = waiting.pop()\n"
        "    if name in wanted: continue\n"
        "    wanted.add(name)\n"
        "    try: needs = m.requires(name) or []\n"
        "    except m.PackageNotFoundError: continue\n"
        "    waiting += [norm(re.match(r'[\\w.-]+', need)[0]) for need in needs if 'extra ==' not in need]\n"
        "owners = m.packages_distributions()\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "used = {norm(owner) for name in loaded & owners.keys() for owner in owners[name]}\n"
        # torch loads dill, anyio sniffio and transformers pillow where they happen to be: tests of stock clients bring
        # the first two, the site's share cards the third.
        "optional = {'dill', 'sniffio', 'pillow'}\n"
        "extra = sorted(used - wanted - optional - {'pip', 'setuptools', 'distutils-precedence'})\n"
        "assert not extra, extra\n"
    )
    finished = run(code)
    assert finished.returncode == 0, finished.stderr


def test_the_web_process_never_imports_torch(tmp_path):
    code = (
        "import sys, django\n"
        "from config.wsgi import application\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "from governance.kinds import all_kinds\n"
        "all_kinds()\n"
        "loaded = sorted({name.split('.')[0] for name in sys.modules} & "
        "{'torch', 'transformers', 'datasets', 'peft', 'numpy'})\n"
        "assert not loaded, loaded\n"
    )
    finished = run(code, COMMONWEIGHTS_DATA=str(tmp_path), DJANGO_SETTINGS_MODULE="config.settings")
    assert finished.returncode == 0, finished.stderr
