"""What a process loads when it starts: each library named here costs every start time, and a web process memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    *("web3", "eth_abi", "pydantic", "requests", "chardet", "jinja2", "django.test"),
    *("huggingface_hub", "boto3", "pyarrow", "numpy", "torch"),
}
SITE = {"config.urls", "frontend.urls", "rest_framework.views"}
WORKER = "from config.celery import app\nfrom celery.signals import import_modules\nimport_modules.send(sender=app)\n"
COMMAND = """
import runpy
from django.db import OperationalError
sys.argv = ["manage.py", "make_release_key", "nobody"]
try: runpy.run_path("manage.py", run_name="__main__")
except OperationalError: pass  # there is no database; what comes before has happened
else: raise AssertionError("it did not come as far as the database")
"""
SWEEPER = "import django\ndjango.setup()\nimport config.sweeper\n"
WEB = """
import config.wsgi
leave_out({"celery", "unittest"} | HEAVY - {"requests"})
from governance.chain import ChainUnavailable
from governance.chain.client import ChainClient
try: ChainClient("http://127.0.0.1:9").chain_id()
except ChainUnavailable: pass
else: raise AssertionError("nobody listens there")
leave_out({"chardet"})
# What was left out is found whole by whoever wants it.
import chardet, jinja2, markdown, requests, unittest
import django.contrib.postgres.fields
from django.contrib.postgres.fields import ArrayField
from drf_spectacular.plumbing import build_mock_request
from pygments.lexers import TextLexer
from rest_framework.test import APIRequestFactory
from drf_spectacular.plumbing import APIRequestFactory as lazy
assert type(lazy()) is APIRequestFactory
"""
STARTS = {
    "web": WEB,
    "worker": f"{WORKER}leave_out(HEAVY | SITE)",
    "sweeper": f"{SWEEPER}leave_out(HEAVY | SITE)",
    "command": f"{COMMAND}leave_out(HEAVY | SITE | {{'celery'}})",
}
LEAVE_OUT = f"""
import sys
HEAVY, SITE = {HEAVY!r}, {SITE!r}
def leave_out(names):
    loaded = sorted(names & set(sys.modules))
    assert not loaded, f"{{loaded}} loaded without need"
"""


@pytest.mark.parametrize("code", STARTS.values(), ids=STARTS.keys())
def test_a_start_leaves_out_what_it_does_not_use(code, tmp_path):
    environment = {"DJANGO_SETTINGS_MODULE": "config.settings", "COMMONWEIGHTS_DATA": str(tmp_path)}
    finished = subprocess.run(
        [sys.executable, "-c", LEAVE_OUT + code],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **environment},
    )
    assert finished.returncode == 0, finished.stderr
