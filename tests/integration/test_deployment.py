"""What an installation refuses before it serves anybody: settings that cannot be meant, and the demo in public."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s3cr3t-of-the-operator"
SOUND = {
    "ORIGIN": "https://commons.example",
    "SECRET_KEY": "only-for-this-check-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
}


def start(tmp_path, *command, **variables):
    """Run a command with these settings; return it finished."""
    values = {f"COMMONWEIGHTS_{name}": value for name, value in {**SOUND, "DATA": str(tmp_path), **variables}.items()}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **values},
        capture_output=True,
        text=True,
        check=False,
    )


UNUSABLE = {
    "an origin with a path": {"ORIGIN": "https://commons.example/site"},
    "an origin with a query": {"ORIGIN": "https://commons.example?x"},
    "an origin with a user": {"ORIGIN": "https://me@commons.example"},
    "an origin without a host": {"ORIGIN": "https://:8000"},
    "an origin in capitals": {"ORIGIN": "https://Commons.Example"},
    "an origin of another scheme": {"ORIGIN": "ftp://commons.example"},
    "a port that is none": {"ORIGIN": "https://commons.example:99999"},
    "a database that is none": {"DATABASE": f"postgres://me:{SECRET}@localhost/commons"},
    "a broker that is none": {"BROKER": f"amqp://me:{SECRET}@localhost"},
    "a chain that is none": {"CHAIN_RPC": f"wss://node.example/{SECRET}"},
    "a chain without a host": {"CHAIN_RPC": f"https:/{SECRET}"},
    "a second chain that is none": {"CHAIN_RPC": f"https://node.example/{SECRET},wss://other.example/{SECRET}"},
    "a chain after a comma that is missing": {"CHAIN_RPC": f"https://node.example/{SECRET},"},
    "one chain twice": {"CHAIN_RPC": f"https://node.example/{SECRET}, https://node.example/{SECRET}"},
    "a relayer that is no address": {"CHAIN_RELAYER": "0x12"},
    "an anchor that nobody may post to": {"ANCHOR_CONTRACT": "0x" + "12" * 20, "ANCHOR_POSTER": ""},
    "a number that is none": {"LEASE_SECONDS": "sixty"},
    "a number too small": {"LEASE_SECONDS": "1"},
    "a negative number": {"SWEEP_SECONDS": "-5"},
    "a heartbeat slower than the lease": {"LEASE_SECONDS": "20", "HEARTBEAT_SECONDS": "15"},
    "a yes that is none": {"DEMO": "perhaps"},
    "a bucket's endpoint that is none": {"PUBLICATION_S3_ENDPOINT": f"s3://me:{SECRET}@store.example"},
}


@pytest.mark.parametrize("variables", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_settings_that_cannot_be_meant_stop_the_start_and_are_named(tmp_path, variables):
    finished = start(tmp_path, "-c", "from django.conf import settings; settings.DEBUG", **variables)
    assert finished.returncode != 0
    assert "BadEnvironment: COMMONWEIGHTS_" in finished.stderr
    assert any(f"COMMONWEIGHTS_{name}" in finished.stderr for name in variables)
    assert SECRET not in finished.stderr, "a refusal ends in a log"


DEPLOYMENTS = {
    "sound": ({}, 0, ""),
    "the demo": ({"DEMO": "1"}, 1, "commonweights.E002"),
    "without https": ({"ORIGIN": "http://commons.example"}, 1, "commonweights.E003"),
    "two chains": ({"CHAIN_RPC": "https://one.example/a, https://two.example/a"}, 0, ""),
    "two chains of one operator": (
        {"CHAIN_RPC": "https://one.example/a,https://one.example:8545/b"},
        1,
        "commonweights.E005",
    ),
    "an unknown target": ({"PUBLICATION_TARGETS": "hub,floppy"}, 1, "commonweights.E004"),
    "every target": ({"PUBLICATION_TARGETS": "hub,huggingface,folder,s3", "PUBLICATION_S3_BUCKET": "releases"}, 0, ""),
    "a folder around the artifacts": (
        {"PUBLICATION_TARGETS": "hub,folder", "PUBLICATION_FOLDER": "/"},
        1,
        "commonweights.E006",
    ),
    "a bucket without a name": ({"PUBLICATION_TARGETS": "hub,s3"}, 1, "commonweights.E007"),
    "discussions where nothing is published": ({"HUGGING_FACE_DISCUSSIONS": "1"}, 1, "commonweights.E009"),
    "a bucket that is an address": (
        {"PUBLICATION_TARGETS": "hub,s3", "PUBLICATION_S3_BUCKET": "https://bucket.example"},
        1,
        "commonweights.E007",
    ),
}


@pytest.mark.parametrize(("variables", "status", "code"), DEPLOYMENTS.values(), ids=DEPLOYMENTS.keys())
def test_the_deploy_check_refuses_what_must_not_be_public(tmp_path, variables, status, code):
    finished = start(tmp_path, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **variables)
    assert (finished.returncode, code in finished.stderr) == (status, True), finished.stderr


def test_without_the_demo_there_is_no_demo_wallet(db):
    for method in ("get", "post"):
        assert getattr(Client(), method)("/demo/wallet").status_code == 404


PROCESSES = {
    "web": "import config.wsgi",
    "worker": "from config.celery import app; app.loader.import_default_modules()",
    "commands": "import sys; sys.argv = ['manage.py', 'sweep']; import runpy; runpy.run_path('manage.py', run_name='__main__')",
}


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES.keys())
def test_no_process_starts_on_slow_cryptography(tmp_path, process):
    """Without the compiled keccak, web server and worker stop with a reason instead of counting slowly."""
    slow = "import governance.eip712.keccak as e; e.keccak_256 = type('Slow', (), {'__init__': lambda s, d: None, 'digest': lambda s: b''})\n"
    finished = start(tmp_path, "-c", slow + process)
    assert finished.returncode != 0
    assert "install safe-pysha3" in finished.stderr
