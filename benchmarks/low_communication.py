"""What slow links cost: data parallel training against diloco and dilocox over the same shaped link, in one run.

    python -m benchmarks.low_communication [--mbit 100] [--round-trip-ms 50] [--sites 2] [--steps 2000] [--ddp-steps 24]
        [--size small|medium] [--precision float32|bfloat16] [--set KEY=VALUE …] [--ablation] [--curves FOLDER]
        [--folder FOLDER] [--only SIDE …] [--check]

Each site is a process in its own network namespace, on one core; every line is shaped with `tc`, and bytes are counted
at the interface, headers and all. That needs root; without it the command says so and ends with 2. All sides start from
the same weights (trained a little before), see the same data, and end with the same number of tokens; only `dilocox,
longer` goes on a fifth longer, to see when it reaches the final loss of DDP.

DDP over a slow link is so slow that its steps are timed on the shaped link (`--ddp-steps` of them) and its loss is
measured in a run without limit: where the gradients travel does not change what they are. Its time to a loss is then
steps times seconds per step. How much sooner a step ends depends on how fast the machine computes: the faster it does,
the more of DDP's step is the link.

All sides together take hours. With `--folder`, what was measured stays there, and the same command goes on after an
interruption with the sides that are missing. `--only` measures the sides named, and says of the promises what follows.
"""

import argparse
import csv
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # before torch

import torch

from benchmarks import _curves
from benchmarks import _slow_link_site as site
from tests.testbed.network import HUB_ADDRESS, Network, NetworkUnavailable
from training_jobs.exchange import tickets
from training_jobs.exchange.tickets import Ticket
from training_jobs.trainer import data, loop
from training_jobs.trainer.strategies import STRATEGIES

REPOSITORY = Path(__file__).resolve().parents[1]
SIZES = {
    # about 0.8 and 11 million weights
    "small": {"hidden": 128, "layers": 4, "batch": 8, "length": 65},
    "medium": {"hidden": 384, "layers": 6, "batch": 4, "length": 129},
}
DILOCO = {
    "local_steps": 13,
    "outer_learning_rate": "0.7",
    "outer_momentum": "0.6",
    "rank": 0,
    "bits": 32,
    "delay": 0,
    "adaptive": False,
    "aggregation": "mean",
}
# Signs of all that was learned every 17 steps: as many bytes as low rank with 4 bits, and less is lost (RESULTS.md).
DILOCOX = {**DILOCO, "local_steps": 17, "outer_momentum": "0.5", "bits": 1, "delay": 1, "adaptive": True}
# The low ranks of the ablation, as parts of the hidden size, with the local steps that make about as many bytes.
LOW_RANKS = {16: 7, 8: 13, 4: 26}
PROMISES = {"bytes": 500.0, "step": {100: 12.0, 20: 50.0}, "reached": 8.0, "loss": 1.01, "speed": 0.95}
PATIENCE_SECONDS = 6 * 3600


@dataclass(frozen=True)
class Side:
    """One way to train. `mbit` None: without a limit. `steps` of each site."""

    name: str
    strategy: str
    topology: Mapping[str, Any]
    steps: int
    mbit: int | None


@dataclass
class Result:
    """What one side did: of the slowest site, and on average per site."""

    side: Side
    seconds: float
    waiting: float
    sent: float
    received: float
    delayed: bool
    loss: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)

    @property
    def step_seconds(self) -> float:
        """Seconds per step."""
        return self.seconds / self.side.steps

    @property
    def step_bytes(self) -> float:
        """Bytes that a site sends and receives per step."""
        return (self.sent + self.received) / self.side.steps


def main() -> int:
    """Measure and print; with `--check`, return 1 for less than what is promised."""
    options = parsed()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(options.folder or Path(name), options)
        try:
            bench.prepare()
            sides = ablation(options) if options.ablation else main_sides(options)
            sides = [side for side in sides if not options.only or side.name in options.only]
            results = [bench.run(each) for each in sides]
        except NetworkUnavailable as error:
            print(f"not measured: {error}", file=sys.stderr)
            return 2
        print(
            f"\n{bench.weights:,} weights, {options.sites} sites, start {bench.start_loss:.4f}, link {bench.link()}\n"
        )
        print_table(results)
        kept = [] if options.ablation else promises(results, options.mbit)
        for text, measured in kept:
            print(f"{'held' if measured else 'NOT held'}: {text}")
        if options.curves:
            write_curves(options.curves, results, bench.start_loss)
    return int(options.check and not all(measured for _text, measured in kept))


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mbit", type=int, default=100)
    parser.add_argument("--round-trip-ms", type=int, default=50)
    parser.add_argument("--sites", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2000, help="of each site")
    parser.add_argument("--ddp-steps", type=int, default=24, help="of DDP on the shaped link")
    parser.add_argument("--base-steps", type=int, default=500, help="before all sides start")
    parser.add_argument("--size", choices=SIZES, default="medium")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of all sides")
    parser.add_argument("--learning-rate", default="0.002")
    parser.add_argument("--points", type=int, default=10, help="of each curve")
    parser.add_argument("--set", nargs="+", type=setting, default=[], metavar="KEY=VALUE", help="topology of dilocox")
    parser.add_argument("--ablation", action="store_true", help="settings of dilocox one by one, without a limit")
    parser.add_argument("--curves", type=Path, help="folder for the pictures and curves.csv")
    parser.add_argument("--folder", type=Path, help="keep here what was measured, and go on from it")
    parser.add_argument("--only", nargs="+", metavar="SIDE", help="names as in the table")
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


def setting(text: str) -> tuple[str, Any]:
    """Return a key of the topology and its value, of the type that it has by default."""
    key, _equals, value = text.partition("=")
    if key not in DILOCOX:
        raise argparse.ArgumentTypeError(f"{key!r} is none of {', '.join(DILOCOX)}")
    kind = type(DILOCOX[key])
    return key, value == "true" if kind is bool else kind(value)


def main_sides(options: argparse.Namespace) -> list[Side]:
    """Return what is compared: the same tokens for all but `longer`, and DDP timed over few steps on the link."""
    workers, steps, mbit = {"workers": options.sites}, options.steps, options.mbit
    dilocox = usual(options)
    diloco = {**DILOCO, **workers, "local_steps": dilocox["local_steps"]}
    return [
        Side("DDP, on the link", "ddp", workers, options.ddp_steps, mbit),
        Side("DDP, no limit", "ddp", workers, steps, None),
        Side("diloco", "diloco", diloco, steps, mbit),
        Side("dilocox", "dilocox", dilocox, steps, mbit),
        Side("dilocox, no limit", "dilocox", dilocox, steps, None),
        Side("dilocox, longer", "dilocox", dilocox, steps * 6 // 5, mbit),
    ]


def usual(options: argparse.Namespace) -> dict[str, Any]:
    """Return the topology of dilocox, with what `--set` changes."""
    return {**DILOCOX, "workers": options.sites, **dict(options.set)}


def ablation(options: argparse.Namespace) -> list[Side]:
    """Return dilocox with one setting changed at a time, and DDP beside it."""
    settings = usual(options)
    hidden = SIZES[options.size]["hidden"]
    changes: list[dict[str, Any]] = [
        {},
        *({"local_steps": settings["local_steps"] * times // 4} for times in (2, 8, 24)),
        *({"outer_momentum": value} for value in ("0", "0.6", "0.7", "0.9")),
        *({"outer_learning_rate": value} for value in ("0.4", "1")),
        *({"bits": 4, "rank": hidden // part, "local_steps": steps} for part, steps in LOW_RANKS.items()),
        {"bits": 4, "local_steps": 4 * settings["local_steps"]},
        *({"bits": bits} for bits in (4, 8, 32)),
        {"delay": 0},
        {"adaptive": False},
    ]
    sides = [Side("DDP", "ddp", {"workers": options.sites}, options.steps, None)]
    for change in changes:
        name = ", ".join(f"{key} {value}" for key, value in change.items()) or "as usual"
        sides.append(Side(f"dilocox: {name}", "dilocox", {**settings, **change}, options.steps, None))
    return sides


class Bench:
    """Runs sides, one after the other, each in fresh namespaces."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        """Keep where files go and what is wanted."""
        self.options = options
        self.delayed = False
        self.weights = 0
        self.start_loss = 0.0
        self.common = {
            **SIZES[options.size],
            "seed": 7,
            "threads": 1,
            "device": "eth0",
            "learning_rate": options.learning_rate,
            "precision": options.precision,
            "warmup": min(50, options.steps // 10),
        }
        settings = repr((sorted(self.common.items()), options.sites, options.base_steps))
        self.folder = folder / hashlib.sha256(settings.encode()).hexdigest()[:8]
        self.folder.mkdir(parents=True, exist_ok=True)

    def prepare(self) -> None:
        """Train the base that all sides start from, on a part of the text that no side sees again."""
        known = self.folder / "base.json"
        if known.exists():
            self.weights, self.start_loss = json.loads(known.read_text())
            return
        plan = {**self.common, "strategy": "single", "topology": None, "schedule": "constant"}
        spec = site.spec_of(plan)
        loop.seed_everything(spec.seed)
        model = site.new_model(plan, None)
        steps = self.options.base_steps
        rows = site.examples(plan, "base", steps * spec.batch_size)
        training = loop.Training(model, spec, steps, STRATEGIES["single"](spec, self.folder))
        loop.train(training, data.batches(data.plan(rows, spec), 0), lambda _step: None)
        torch.save([weight.detach() for weight in model.parameters()], self.folder / "base.pt")
        self.weights = sum(weight.numel() for weight in model.parameters())
        self.start_loss = site.held_out_loss(model, plan)
        known.write_text(json.dumps([self.weights, self.start_loss]))

    def link(self) -> str:
        """Describe the link in words."""
        delay = f"{self.options.round_trip_ms} ms" if self.delayed else "no added delay (this kernel has no sch_netem)"
        return f"{self.options.mbit} Mbit/s, {delay}"

    def run(self, side: Side) -> Result:
        """Train one side on all sites and return what it did, unless it was measured before."""
        folder = self.folder / hashlib.sha256(repr(side).encode()).hexdigest()[:8]
        measured = folder / "measured.json"
        if measured.exists():
            result = Result(side, **json.loads(measured.read_text()))
            self.delayed = self.delayed or result.delayed
            return result
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        processes: list[subprocess.Popen[bytes]] = []
        with ExitStack() as stack:
            network = stack.enter_context(
                Network(self.options.sites, side.mbit, self.options.round_trip_ms if side.mbit else 0)
            )
            self.delayed = self.delayed or network.delayed
            stack.callback(lambda: [process.kill() for process in processes])
            if side.strategy != "ddp":
                self._start_exchange(side, network, folder, processes)
            sites = [self._start_site(side, network, folder, index) for index in range(self.options.sites)]
            processes += sites
            while not all((folder / f"ready{index}").exists() for index in range(len(sites))):
                self._require_alive(sites, side)
                time.sleep(0.1)
            (folder / "go").touch()
            if any([process.wait(PATIENCE_SECONDS) for process in sites]):  # noqa: C419 - wait for each
                raise RuntimeError(f"a site of {side.name} failed")
        result = self._result(side, folder)
        measured.write_text(json.dumps({name: value for name, value in asdict(result).items() if name != "side"}))
        return result

    def _start_exchange(
        self, side: Side, network: Network, folder: Path, processes: list["subprocess.Popen[bytes]"]
    ) -> None:
        """Start a relay in the hub and a courier in each site."""
        secret = secrets.token_bytes(tickets.SECRET_BYTES_MIN)
        (folder / "secret").write_bytes(secret)
        relay = [sys.executable, "-m", "training_jobs.exchange.relay", str(folder / "relay")]
        relay += ["--secret-file", str(folder / "secret"), "--listen", f"{HUB_ADDRESS}:0", "--straggler-seconds", "600"]
        processes.append(self._start([*network.enter(network.hub), *relay], stdout=subprocess.PIPE))
        url = processes[-1].stdout.readline().decode().strip()  # type: ignore[union-attr]
        for index in range(self.options.sites):
            ticket = Ticket("benchmark", index, 1, self.options.sites, int(time.time()) + PATIENCE_SECONDS)
            name = f"site{index}"
            (folder / f"{name}.ticket").write_text(tickets.issue(ticket, secret))
            courier = [sys.executable, "-m", "training_jobs.exchange.courier", str(folder / name), url]
            courier += ["--member", ticket.member, "--ticket-file", str(folder / f"{name}.ticket")]
            enter = network.enter(network.sites[index])
            processes.append(self._start([*enter, *courier], stdout=subprocess.PIPE, stdin=subprocess.PIPE))
            processes[-1].stdout.readline()  # type: ignore[union-attr] - it has joined

    def _start_site(self, side: Side, network: Network, folder: Path, index: int) -> "subprocess.Popen[bytes]":
        every = max(1, side.steps // self.options.points)
        plan = {
            **self.common,
            "strategy": side.strategy,
            "topology": side.topology,
            "steps": side.steps,
            "base": str(self.folder / "base.pt"),
            "run_dir": str(folder / f"site{index}"),
            "ready": str(folder / f"ready{index}"),
            "go": str(folder / "go"),
            "result": str(folder / f"result{index}.json"),
            "snapshots": list(range(every, side.steps, every)),
            "keeps_snapshots": index == 0,
        }
        path = folder / f"plan{index}.json"
        path.write_text(json.dumps(plan))
        extra = {
            "RANK": str(index),
            "WORLD_SIZE": str(self.options.sites),
            "MASTER_ADDR": network.address(0),
            "MASTER_PORT": "29400",
            "GLOO_SOCKET_IFNAME": "eth0",
        }
        command = [sys.executable, "-m", "benchmarks._slow_link_site", str(path)]
        return self._start([*network.enter(network.sites[index]), *command], extra if side.strategy == "ddp" else {})

    def _start(self, command: Sequence[str], extra: Mapping[str, str] | None = None, **pipes: int) -> Any:  # noqa: ANN401
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **(extra or {})}
        return subprocess.Popen(command, cwd=REPOSITORY, env=environment, **pipes)  # type: ignore[call-overload]

    def _require_alive(self, sites: Sequence["subprocess.Popen[bytes]"], side: Side) -> None:
        if any(process.poll() is not None for process in sites):
            raise RuntimeError(f"a site of {side.name} ended before it began")

    def _result(self, side: Side, folder: Path) -> Result:
        found = [json.loads((folder / f"result{index}.json").read_text()) for index in range(self.options.sites)]
        ends = [torch.load(folder / f"result{index}.json.pt") for index in range(self.options.sites)]
        if not all(torch.equal(one, other) for end in ends[1:] for one, other in zip(ends[0], end, strict=True)):
            raise RuntimeError(f"the sites of {side.name} ended with different weights")
        model = site.new_model(self.common, None)
        curve = []
        for point in found[0]["curve"]:
            site.set_weights(model, torch.load(point["file"]))
            curve.append({**point, "loss": site.held_out_loss(model, self.common)})
            Path(point["file"]).unlink()
        site.set_weights(model, ends[0])
        loss = site.held_out_loss(model, self.common)
        result = Result(
            side,
            seconds=max(each["seconds"] for each in found),
            waiting=max(each["waiting"] for each in found),
            sent=sum(each["sent"] for each in found) / len(found),
            received=sum(each["received"] for each in found) / len(found),
            delayed=self.delayed,
            loss=loss,
            curve=[
                *curve,
                {"step": side.steps, "seconds": found[0]["seconds"], "sent": found[0]["sent"], "loss": loss},
            ],
        )
        print(f"done: {side.name}, {result.seconds:.0f} s, loss {loss:.4f}", file=sys.stderr, flush=True)
        return result


def print_table(results: Sequence[Result]) -> None:
    """Print what each side did."""
    print("| side | steps | MB sent per site | kB both ways per step | s per step | waiting, s | held-out loss |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for each in results:
        print(
            f"| {each.side.name} | {each.side.steps} | {each.sent / 1e6:.1f} | {each.step_bytes / 1e3:.1f} "
            f"| {each.step_seconds:.4f} | {each.waiting:.1f} | {each.loss:.4f} |"
        )
    print()


def promises(results: Sequence[Result], mbit: int) -> list[tuple[str, bool]]:
    """Return each promise in words with what was measured, and whether it was held; those that the sides allow."""
    by_name = {each.side.name: each for each in results}
    ddp, ddp_loss, dilocox = (by_name.get(name) for name in ("DDP, on the link", "DDP, no limit", "dilocox"))
    free, longer = by_name.get("dilocox, no limit"), by_name.get("dilocox, longer")
    kept: list[tuple[str, bool]] = []
    if dilocox is None:
        return kept
    if ddp is not None:
        fewer, faster = ddp.step_bytes / dilocox.step_bytes, ddp.step_seconds / dilocox.step_seconds
        wanted = PROMISES["step"].get(mbit, 0.0)  # type: ignore[attr-defined]
        kept.append((f"bytes 1/{fewer:.0f} of DDP's (promised 1/500)", fewer >= PROMISES["bytes"]))
        kept.append((f"time per step 1/{faster:.1f} of DDP's (promised 1/{wanted:g})", faster >= wanted))
    if ddp_loss is not None:
        loss = dilocox.loss / ddp_loss.loss
        kept.append((f"loss at equal tokens {loss:.4f} of DDP's (promised at most 1.01)", loss <= PROMISES["loss"]))
    if ddp is not None and ddp_loss is not None:
        points = [*dilocox.curve, *(longer.curve if longer else [])]
        reached = [point["seconds"] for point in points if point["loss"] <= ddp_loss.loss]
        seconds = ddp.step_seconds * ddp_loss.side.steps
        sooner = seconds / min(reached) if reached else 0.0
        text = f"DDP's final loss in 1/{sooner:.1f} of its time, {seconds:.0f} s by its time per step (promised 1/8)"
        if not reached:
            text = f"DDP's final loss {ddp_loss.loss:.4f} was not reached"
        kept.append((text, sooner >= PROMISES["reached"]))
    if free is not None:
        speed = free.seconds / dilocox.seconds
        kept.append((f"speed {speed:.3f} of that without a limit (promised 0.95)", speed >= PROMISES["speed"]))
    return kept


def write_curves(folder: Path, results: Sequence[Result], start_loss: float) -> None:
    """Write curves.csv and the pictures of loss against bytes and against time."""
    folder.mkdir(parents=True, exist_ok=True)
    by_name = {each.side.name: each for each in results}
    timed = by_name.get("DDP, on the link")
    with (folder / "low-communication.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["side", "step", "seconds", "bytes_sent", "loss"])
        for each in results:
            writer.writerow([each.side.name, 0, 0, 0, f"{start_loss:.4f}"])
            for point in each.curve:
                seconds, sent = point["seconds"], point["sent"]
                if timed is not None and each.side.name == "DDP, no limit":  # as it would have been on the link
                    seconds = point["step"] * timed.step_seconds
                writer.writerow([each.side.name, point["step"], f"{seconds:.2f}", int(sent), f"{point['loss']:.4f}"])
    if timed is None:
        return
    shown = [by_name[name] for name in ("DDP, no limit", "diloco", "dilocox") if name in by_name]
    names = {"DDP, no limit": "DDP"}
    for key, across, unit in (("seconds", "seconds on the link", 1.0), ("sent", "megabytes sent per site", 1e-6)):
        curves = {}
        for each in shown:
            stretched = key == "seconds" and each.side.name == "DDP, no limit"
            curves[names.get(each.side.name, each.side.name)] = [
                (point["step"] * timed.step_seconds if stretched else point[key] * unit, point["loss"])
                for point in each.curve
            ]
        title = f"Held-out loss against {across}"
        _curves.draw(folder / f"low-communication-{key}.svg", title, across, "nats per byte", curves)


if __name__ == "__main__":
    sys.exit(main())
