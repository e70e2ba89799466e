"""Command line: `python -m training_jobs.bot --config bot.toml [--once]`. Exit statuses: see `once.Exit`.

0 a run was done · 1 an attempt did not work · 2 configuration or token · 3 refused by our own checks · 4 stopped and
given back · 69 the site does not answer · 75 nothing to do. Without --once it goes on until it is told to stop
(SIGTERM, Ctrl-C), and ends by itself with 2 and 3 only: a person has to look.
"""

import argparse
import fcntl
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from governance.errors import Forbidden, NotAuthenticated, Refusal
from training_jobs.bot.client import Client
from training_jobs.bot.config import BadConfiguration, Configuration, read
from training_jobs.bot.once import Exit, logger, pass_once
from training_jobs.supervisor import PlatformUnreachable, StaleLeaseError

PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 5, 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bot and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m training_jobs.bot", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--config", type=Path, required=True, help="the file of configuration (TOML)")
    parser.add_argument("--once", action="store_true", help="look for one run, do it, and end: for CI")
    parser.add_argument("--check", action="store_true", help="read the configuration, greet the site, and end")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        config = read(options.config)
        config.token()
        with _alone(config.folder):
            client = Client(config.url, config.token)
            if options.check:
                return _said(_pass(config, client, stop, only_greet=True))
            return _said(_pass(config, client, stop) if options.once else _loop(config, client, stop))
    except BadConfiguration as error:
        logger.error("%s", error)
        return _said(Exit.CONFIGURATION)


def _loop(config: Configuration, client: Client, stop: threading.Event) -> Exit:
    """Go on until told to stop; wait longer while there is nothing to do or the site does not answer."""
    pause = PAUSE_SECONDS_MIN
    while not stop.is_set():
        ended = _pass(config, client, stop)
        if ended in {Exit.CONFIGURATION, Exit.REFUSED}:
            return ended
        pause = PAUSE_SECONDS_MIN if ended is Exit.DONE else min(pause * 2, PAUSE_SECONDS_MAX)
        stop.wait(pause)
    return Exit.STOPPED


def _pass(config: Configuration, client: Client, stop: threading.Event, *, only_greet: bool = False) -> Exit:
    """Do one pass, and sort what the site may say to it."""
    try:
        if only_greet:
            from training_jobs.bot.machine import capabilities

            logger.info("the site knows this machine as %s", client.post("hello", capabilities(config)).get("name"))
            return Exit.DONE
        return pass_once(config, client, stop.is_set)
    except (NotAuthenticated, Forbidden) as error:
        logger.error("the site does not accept the token: %s", error)
        return Exit.CONFIGURATION
    except PlatformUnreachable as error:
        logger.warning("the site does not answer: %s", error)
        return Exit.UNREACHABLE
    except (Refusal, StaleLeaseError) as error:
        logger.warning("the site refuses: %s", error)
        return Exit.FAILED
    except OSError as error:
        logger.error("this machine's storage: %s", error)
        return Exit.FAILED
    finally:
        shutil.rmtree(config.folder / "runs", ignore_errors=True)
        shutil.rmtree(config.folder / "proof", ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for one bot, and clear what one that was killed left there."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadConfiguration(f"folder: {folder}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise BadConfiguration(f"folder: another bot works in {folder}") from error
    try:
        shutil.rmtree(folder / "runs", ignore_errors=True)
        yield
    finally:
        os.close(descriptor)


def _said(ended: Exit) -> int:
    """Say how it ended, to a CI in its own words, and return the status."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        level = "error" if ended in {Exit.FAILED, Exit.CONFIGURATION, Exit.REFUSED} else "notice"
        print(f"::{level} title=Commonweights bot::{ended.name.lower()} ({int(ended)})")
    else:
        logger.info("ended: %s (%d)", ended.name.lower(), int(ended))
    return int(ended)


if __name__ == "__main__":
    sys.exit(main())
