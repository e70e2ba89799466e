"""The settings of the tests: the real ones, in a folder of their own, with short periods. Each worker has its own folder."""

import os
import tempfile
from pathlib import Path

_FOLDER = os.environ.get("COMMONWEIGHTS_TEST_FOLDER") or tempfile.mkdtemp(prefix="commonweights-test-")
os.environ.update(
    {
        "COMMONWEIGHTS_DATA": str(Path(_FOLDER) / os.environ.get("PYTEST_XDIST_WORKER", "main")),
        "COMMONWEIGHTS_ORIGIN": "http://testserver",
        "COMMONWEIGHTS_COLLECTED_STATIC": "0",
        "COMMONWEIGHTS_SECRET_KEY": "for-tests-only",
        "COMMONWEIGHTS_LOG_LEVEL": "WARNING",
        # Django's test runner keeps letters in memory, whatever the way is.
        "COMMONWEIGHTS_MAIL_URL": "console:",
    }
)
# The workers of a test run get it from the process that starts them (tests/testbed/shared.py).
os.environ.setdefault("COMMONWEIGHTS_TEST_SHARED", str(Path(_FOLDER) / "shared"))

from config.settings import *  # noqa: E402, F403 - the environment must be set first

# Whoever asks for the events of a run through the test client waits until the stream ends.
LIVE_STREAM_SECONDS = 1
