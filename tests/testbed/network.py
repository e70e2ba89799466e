"""A slow network on one machine: a network namespace per site, a hub between them, `tc` on every line. Needs root.

    hub (own namespace): bridge br0, 10.77.0.1 — veth — site 0: eth0, 10.77.0.2
                                               — veth — site 1: eth0, 10.77.0.3 …

Both ends of each line are shaped (token bucket), so a site sends and receives at the rate. The delay (netem) is spread
over the four ends that a round trip between two sites passes twice; kernels without sch_netem cannot do it, and
`Network.delayed` says so.

    python -m tests.testbed.network 2 100     # two sites at 100 Mbit/s; prints how to enter them, until interrupted
"""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

HUB_ADDRESS = "10.77.0.1"
BURST = "64kb"
QUEUE = "400ms"
ENDS_OF_A_ROUND_TRIP = 4


class NetworkUnavailable(RuntimeError):
    """This machine lets us make no namespaces or shape no lines."""


class Network:
    """Namespaces and lines for as long as it is entered. `mbit` None: lines without a limit."""

    def __init__(self, sites: int, mbit: int | None, round_trip_ms: int = 0) -> None:
        self.mbit, self.round_trip_ms = mbit, round_trip_ms
        self.delayed = False
        self.hub = f"cw{os.getpid()}hub"
        self.sites = [f"cw{os.getpid()}s{index}" for index in range(sites)]

    def __enter__(self) -> Self:
        """Build it; NetworkUnavailable where that cannot be done."""
        if os.geteuid() != 0:
            raise NetworkUnavailable("network namespaces need root")
        try:
            self._build()
        except (OSError, subprocess.CalledProcessError) as error:
            self._remove()
            said = getattr(error, "stderr", b"") or b""
            raise NetworkUnavailable(f"{error} {said.decode(errors='replace').strip()}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it down."""
        self._remove()

    @staticmethod
    def address(site: int) -> str:
        """Return the address of a site."""
        return f"10.77.0.{site + 2}"

    @staticmethod
    def enter(namespace: str) -> list[str]:
        """Return the command line that goes before one that runs in `namespace`."""
        return ["ip", "netns", "exec", namespace]

    def _build(self) -> None:
        for namespace in (self.hub, *self.sites):
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        _ip("-n", self.hub, "link", "add", "br0", "type", "bridge")
        _ip("-n", self.hub, "addr", "add", f"{HUB_ADDRESS}/24", "dev", "br0")
        _ip("-n", self.hub, "link", "set", "br0", "up")
        for index, site in enumerate(self.sites):
            port = f"port{index}"
            _ip("-n", self.hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", site)
            _ip("-n", self.hub, "link", "set", port, "master", "br0", "up")
            _ip("-n", site, "addr", "add", f"{self.address(index)}/24", "dev", "eth0")
            _ip("-n", site, "link", "set", "eth0", "up")
            for namespace, device in ((self.hub, port), (site, "eth0")):
                self._shape(namespace, device)

    def _shape(self, namespace: str, device: str) -> None:
        parent = ["root", "handle", "1:"]
        if self.round_trip_ms:
            delay = f"{self.round_trip_ms * 1000 // ENDS_OF_A_ROUND_TRIP}us"
            tried = _tc(namespace, device, *parent, "netem", "delay", delay, "limit", "100000", check=False)
            self.delayed = tried.returncode == 0
            if self.delayed:
                parent = ["parent", "1:1", "handle", "10:"]
        if self.mbit is not None:
            _tc(namespace, device, *parent, "tbf", "rate", f"{self.mbit}mbit", "burst", BURST, "latency", QUEUE)

    def _remove(self) -> None:
        for namespace in (*self.sites, self.hub):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


def bytes_through(device: str = "eth0") -> tuple[int, int]:
    """Return how many bytes the device of this namespace has sent and received."""
    folder = Path("/sys/class/net") / device / "statistics"
    return int((folder / "tx_bytes").read_text()), int((folder / "rx_bytes").read_text())


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, check=True)


def _tc(namespace: str, device: str, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
    command = ["tc", "-n", namespace, "qdisc", "add", "dev", device, *arguments]
    return subprocess.run(command, capture_output=True, check=check)


def main(arguments: list[str]) -> int:
    """Build, say how to enter, and wait."""
    sites, mbit = int(arguments[0]), int(arguments[1])
    with Network(sites, mbit) as network:
        for namespace in (network.hub, *network.sites):
            sys.stdout.write(" ".join(network.enter(namespace)) + " bash\n")
        sys.stdout.flush()
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
