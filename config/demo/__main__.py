"""`python -m config.demo [--once] [--port N]`: make a community, live through the main job, leave the site running.

Starts the local chain, the web server, two workers, the relay at which they meet for a run of several machines, a
worker that publishes, the process that answers who tries a model, and the sweeper as children of its own, each with a
log file, and stops exactly those; they end with it even when it is killed. Every start begins with an empty folder of
its own, so it can be interrupted and run again. The last line that `--once` prints is one JSON object.
"""

import argparse
import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from config.demo import chain, commons, corpus, harm, journey, machine, neighbours, plan
from config.demo.client import ApiError, Client
from governance.evidence.signing import generate_key
from training_jobs.exchange.tickets import SECRET_BYTES_MIN
from training_jobs.runner import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("COMMONWEIGHTS_DEMO_FOLDER", str(ROOT / "var" / "demo")))
VOTING_SECONDS = int(os.environ.get("COMMONWEIGHTS_DEMO_VOTING_SECONDS", "8"))
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10


class DemoError(RuntimeError):
    """The demo cannot go on; the text says why and what to do."""


@dataclass(frozen=True)
class Site:
    """Where everything is."""

    address: str
    rpc_url: str
    environment: dict[str, str]


def main(arguments: list[str]) -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m config.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="end after the journey")
    parser.add_argument("--port", type=int, default=0, help="port of the site (default: 8000, or the next free one)")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with _only_one(), ExitStack() as stack:
            return _demo(stack, once=options.once, port=options.port)
    except KeyboardInterrupt:
        _say("stopped")
        return 130
    except (DemoError, ApiError, journey.JourneyError, chain.DemoChainError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _demo(stack: ExitStack, *, once: bool, port: int) -> int:
    """Do it.

    1. the chain with its tokens and contracts; 2. the base model, and meanwhile 3. the database and the processes;
    4. the communities; 5. the journey, beside which the neighbours live; 6. what strangers do: ask the model, report
    harm, ask for data back, download the release with a stock client, and verify it.
    """
    began = time.monotonic()
    node = stack.enter_context(chain.start())  # 1
    token = chain.prepare(node.rpc_url)
    _say(f"local chain at {node.rpc_url}, votes token {token.address} held by {len(token.members)} members")
    others = neighbours.deploy(node.rpc_url, token.members, VOTING_SECONDS)

    site = _site(port, node.rpc_url)
    base = FOLDER / "base"  # 2
    _say("making the base model from nothing (tokenizer, config, weights), and starting the site meanwhile …")
    making = stack.enter_context(_ended(_started("config.demo.base_model", str(base), environment=site.environment)))

    _manage("migrate", "--verbosity", "0", environment=site.environment)  # 3
    logs = FOLDER / "logs"
    logs.mkdir()
    for name, command in _processes(site).items():
        stack.enter_context(_child(name, command, site.environment, logs))
    _finished(making)

    communities = [plan.community(token, str(base), VOTING_SECONDS), *others.communities(VOTING_SECONDS)]  # 4
    files = [FOLDER / f"{community['slug']}.json" for community in communities]
    for file, community in zip(files, communities, strict=True):
        file.write_text(json.dumps(community))
    _manage("found_community", *map(str, files), environment=site.environment)
    _wait_for(site, logs)
    _say(f"the site is at {site.address}")

    clients = [Client(site.address, node.rpc_url, member) for member in token.members if member.name != "Emma"]
    beside = partial(neighbours.begin, stack, site.address, node.rpc_url, others, _say)
    outcome = journey.run(clients, FOLDER / "corpus", FOLDER / machine.NAME, beside, _say)  # 5

    question = corpus.evaluation_rows()[0]["question"]  # 6
    answer = _asked(clients[0], outcome.revision, question)
    _say(f"asked at /v1/chat/completions, the new version says: “{question}” — “{answer}”")
    stranger = Client(site.address, node.rpc_url, token.members[-1])
    ask = partial(_asked, clients[0], outcome.revision)
    harm.run(clients, stranger, outcome.revision, FOLDER / "corpus", ask, _say)
    release = _release_folder(outcome.revision)
    _say("downloading the release with a stock client from our own hub …")
    answer = _command("config.demo.stranger", site.address, outcome.revision, environment=site.environment, quiet=True)
    _say(f"a stranger's transformers loads it: {answer}")
    verified = _verify(release, clients[0])
    recounted = _recount(outcome, clients[0])
    places = outcome.places.result()
    _say(f"Alice's machine takes what the members vote for when you start it: {' '.join(outcome.lent.command)}")
    seconds = round(time.monotonic() - began, 1)
    _say(f"the journey took {seconds} s")
    result = {
        "release": str(release),
        "accepted_run": outcome.accepted_run,
        "rejected_run": outcome.rejected_run,
        "verified": verified,
        "recounted": recounted,
        "places": [place.path for place in places],
        "seconds": seconds,
    }
    if once:
        stack.close()
        print(json.dumps(result), flush=True)
        return 0 if verified and recounted else 1
    print(json.dumps(result), flush=True)
    for place in places:
        _say(f"{place.way}: {site.address}{place.path}")
    _say(f"open {site.address}/c/{plan.SLUG}/proposals/{outcome.open_proposal}/ and vote; Ctrl-C ends the demo")
    commons.keep_in_sight(clients[0], node.is_running)
    raise DemoError("the local chain has ended")


def _processes(site: Site) -> dict[str, list[str]]:
    """Return the site's processes, as an operator would start them."""
    bind = site.address.removeprefix("http://")
    worker = [sys.executable, "-m", "celery", "-A", "config", "worker", "--pool", "solo", "--loglevel", "INFO"]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    secret = site.environment["COMMONWEIGHTS_RELAY_SECRET_FILE"]
    meeting = site.environment["COMMONWEIGHTS_RELAY_URL"].removeprefix("http://")
    relay = [sys.executable, "-m", "training_jobs.exchange.relay", str(FOLDER / "relay")]
    return {
        "web": [sys.executable, "-m", "config.web", "--bind", bind],
        "relay": [*relay, "--secret-file", secret, "--listen", meeting],
        "serving": [sys.executable, "-m", "training_jobs.serving", *_serving(site.environment)],
        "worker": [*worker, "--queues", "training", "--hostname", "first@%h"],
        "worker-2": [*worker, "--queues", "training", "--hostname", "second@%h"],
        "publisher": [*worker, "--queues", "deliveries", "--hostname", "publisher@%h"],
        "sweeper": [sys.executable, "manage.py", "sweep", "--forever"],
    }


def _site(port: int, rpc_url: str) -> Site:
    """Choose the port and the environment of every process."""
    port = port or _free_port(8000)
    address = f"http://127.0.0.1:{port}"
    secret = FOLDER / "relay-secret"
    secret.write_bytes(secrets.token_bytes(SECRET_BYTES_MIN))
    published = FOLDER / "published"
    published.mkdir(exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COMMONWEIGHTS_")},
        **{name: os.environ[name] for name in ("COMMONWEIGHTS_DATABASE", "COMMONWEIGHTS_BROKER") if name in os.environ},
        "COMMONWEIGHTS_DEMO": "1",
        "COMMONWEIGHTS_DATA": str(FOLDER / "data"),
        "COMMONWEIGHTS_ORIGIN": address,
        "COMMONWEIGHTS_CHAIN_RPC": rpc_url,
        "COMMONWEIGHTS_VOTING_PERIOD_SECONDS_MIN": "1",
        "COMMONWEIGHTS_SWEEP_SECONDS": "1",
        "COMMONWEIGHTS_LEASE_SECONDS": "20",
        "COMMONWEIGHTS_HEARTBEAT_SECONDS": "5",
        "COMMONWEIGHTS_HOME_SITE": commons.SITE,
        "COMMONWEIGHTS_RELAY_URL": f"http://127.0.0.1:{_free_port(port + 1)}",
        "COMMONWEIGHTS_RELAY_SECRET_FILE": str(secret),
        "COMMONWEIGHTS_RUN_STRATEGIES": "single,ddp,diloco,dilocox",
        "COMMONWEIGHTS_PUBLICATION_TARGETS": "hub,folder",
        "COMMONWEIGHTS_PUBLICATION_FOLDER": str(published),
        # Not in the folder of the demo: the kernel takes only short names of sockets.
        "COMMONWEIGHTS_SERVING_SOCKET": str(Path(tempfile.gettempdir()) / f"commonweights-demo-{port}.sock"),
        # Letters lie in a folder, and the page shows their links: nothing leaves this machine.
        "COMMONWEIGHTS_MAIL_URL": f"file:{FOLDER / 'mail'}",
        "COMMONWEIGHTS_SIGN_IN_LINKS_PER_EMAIL": "30",
        "COMMONWEIGHTS_LOG_LEVEL": "INFO",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(ROOT),
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    return Site(address, rpc_url, environment)


def _serving(environment: dict[str, str]) -> list[str]:
    """Return what the answering process is told: where to listen, what to read, and to leave a core to the others."""
    artifacts = Path(environment["COMMONWEIGHTS_DATA"]) / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    return [environment["COMMONWEIGHTS_SERVING_SOCKET"], "--below", str(artifacts), "--threads", "1"]


def _asked(client: Client, revision: str, question: str) -> str:
    """Ask a released version one question over the standard form, and return the answer."""
    model = f"{plan.MODEL['namespace']}/{plan.MODEL['name']}@{revision}"
    asked = {"model": model, "messages": [{"role": "user", "content": question}], "temperature": 0}
    answer: str = client.post("/v1/chat/completions", asked)["choices"][0]["message"]["content"]
    return answer.strip()


def _release_folder(revision: str) -> Path:
    return FOLDER / "data" / "artifacts" / "releases" / plan.MODEL["namespace"] / plan.MODEL["name"] / revision


def _verify(release: Path, client: Client) -> bool:
    """Run both verifiers as a stranger would, pinned to the community's key; file what the first one says, signed."""
    key = client.get(f"/api/v1/communities/{plan.SLUG}")["release_key"]
    command = [sys.executable, "-m", "models_registry.provenance", "verify", str(release), "--community-key", key]
    _say(f"verifying offline: python -m models_registry.provenance verify {release} --community-key {key}")
    key_file, attestation = FOLDER / "stranger.key", FOLDER / "attestation.json"
    generate_key(key_file)
    signed = ["--attest", str(attestation), "--attest-key", str(key_file)]
    first = subprocess.run([*command, *signed], cwd=ROOT, check=False)
    filed = client.send_file(f"/api/v1/releases/{release.name}/attestations", attestation)
    _say(f"the stranger files what they found; it stands on the page of the release: {filed['outcome']}")
    other = ["node", "frontend/static/js/verifier/cli.mjs", str(release), "--community-key", key]
    _say(f"verifying again, with the verifier that shares no code with the first: {' '.join(other)}")
    second = subprocess.run(other, cwd=ROOT, check=False)
    return first.returncode == 0 and second.returncode == 0


def _recount(outcome: journey.Outcome, client: Client) -> bool:
    """Recount the poll from its audit bundle, and check a receipt, as a stranger would: offline, without Django."""
    key = client.get(f"/api/v1/communities/{plan.SLUG}")["release_key"]
    bundle = client.download(f"/api/v1/proposals/{outcome.poll}/bundle", FOLDER / "poll.jsonl")
    receipt = client.download(f"/receipts/{outcome.receipt}/receipt.json", FOLDER / "receipt.json")
    holds = True
    for module, file in (("governance.recount", bundle), ("governance.receipts", receipt)):
        _say(f"checking offline: python -m {module} {file} --community-key {key}")
        command = [sys.executable, "-m", module, str(file), "--community-key", key]
        holds = subprocess.run(command, cwd=ROOT, check=False).returncode == 0 and holds
    return holds


# --- processes ----------------------------------------------------------------------------------------------------


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold the folder for this demo alone, and begin with an empty one."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with (FOLDER.parent / f"{FOLDER.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError("a demo is running already; end it with Ctrl-C in its terminal first") from error
        if FOLDER.exists():
            shutil.rmtree(FOLDER)
        FOLDER.mkdir()
        yield


@contextmanager
def _child(name: str, command: list[str], environment: dict[str, str], logs: Path) -> Iterator[None]:
    """Run a process of the site while the demo lasts; end it, and only it, afterwards."""
    with (logs / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call between fork and exec
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(module: str, *arguments: str, environment: dict[str, str], quiet: bool = False) -> str:
    """Run a module to its end, showing its lines as progress; return the last line."""
    with _started(module, *arguments, environment=environment) as process:
        return _finished(process, quiet=quiet)


def _started(module: str, *arguments: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Start a module whose lines are read later."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=die_with_parent(),  # noqa: PLW1509 - as above
    )


def _finished(process: subprocess.Popen[str], *, quiet: bool = False) -> str:
    """Show the lines of a module as they come, until it ends; return the last one."""
    lines, last = [], ""
    for line in process.stdout or ():
        last = line.strip() or last
        lines.append(line)
        if not quiet:
            _say(f"  {line.rstrip()}")
    if process.wait() != 0:
        raise DemoError(f"{shlex.join(process.args)} failed:\n{''.join(lines[-20:])}")
    return last


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End a process that still runs when the demo ends."""
    with process:
        try:
            yield process
        finally:
            process.terminate()


def _manage(*arguments: str, environment: dict[str, str]) -> None:
    finished = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    if finished.returncode != 0:
        raise DemoError(f"manage.py {arguments[0]} failed:\n{finished.stdout}{finished.stderr}")


def _wait_for(site: Site, logs: Path) -> None:
    """Wait until the site answers; show the end of its log when it does not."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{site.address}/api/v1/kinds", timeout=5).read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    tail = (logs / "web.log").read_text(errors="replace")[-3000:]
    raise DemoError(f"the site does not answer after {START_SECONDS_MAX} s; its log ends with:\n{tail}")


def _free_port(first: int) -> int:
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DemoError(f"no port from {first} to {first + 99} is free")


def _say(line: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {line}", flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
