"""How fast the hub sends a large file, beside servers that do nothing else with the same file.

    python -m benchmarks.hub_download [--megabytes 512] [--rounds 5] [--check]

Makes a private site with one published version, serves it with granian as in production, and downloads its weights over
loopback into nowhere. In turns with it: `python -m http.server` (copies in chunks through Python), and a bare loop of
`socket.sendfile` (the kernel alone), which is what can be reached at all. Prints a Markdown table of MB/s; `--check`
exits with 1 when the hub is clearly slower than `http.server`.
"""

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks import _site as site

FILE = "model.safetensors"
MEGABYTE = 1_000_000
BUFFER_BYTES = 1 << 20
# Two runs of one server differ by a tenth.
TOLERATED = 0.8


def publish(megabytes: int) -> Path:
    """Publish one version whose weights have this size; return their file and the address on the hub."""
    from django.conf import settings

    from governance import clock
    from governance.models import Community
    from models_registry.models import Model, Version
    from models_registry.storage import folders

    site.found_community(site.listed([site.address(1)]))
    model = Model.objects.create(
        community=Community.objects.get(), namespace="bench", name="model", title_en="", title_fr="", license="MIT"
    )
    folder = settings.ARTIFACTS_DIR / "bases" / "bench"
    folder.mkdir(parents=True)
    block = os.urandom(MEGABYTE)
    with (folder / FILE).open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    now = clock.now()
    Version.objects.create(
        model=model, number=0, revision="b" * 40, manifest_sha256="", folder="bases/bench",
        files=folders.keep(folder), created_at=now, published_at=now,
    )  # fmt: skip
    return folder / FILE


@contextmanager
def running(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    """Run a server until the block ends; begin when it answers."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(200):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield
        finally:
            server.terminate()


@contextmanager
def sendfile_server(file: Path, port: int) -> Iterator[None]:
    """Answer every connection with the file, from the kernel's own memory."""
    listening = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, file.open("rb") as stream:
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % file.stat().st_size)
                    connection.sendfile(stream)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        listening.close()


def rate(port: int, path: str, size: int) -> float:
    """Download once; return MB/s."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    buffer, received = memoryview(bytearray(BUFFER_BYTES)), 0
    begun = time.perf_counter()
    line.request("GET", path)
    answer = line.getresponse()
    while count := answer.readinto(buffer):
        received += count
    seconds = time.perf_counter() - begun
    line.close()
    if received != size:
        raise ValueError(f"{path}: {received} bytes of {size}")
    return size / MEGABYTE / seconds


def main() -> int:
    """Measure in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cw-hub-") as folder:
        hub, plain, bare = (site.free_port() for _ in range(3))
        environment = site.set_up(folder, f"http://127.0.0.1:{hub}")
        file = publish(options.megabytes)
        size = file.stat().st_size
        granian = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(hub),
            "config.wsgi:application",
        ]  # fmt: skip
        simple = [
            sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(file.parent), str(plain),
        ]  # fmt: skip
        servers = {
            "our hub (granian)": (hub, f"/hub/bench/model/resolve/main/{FILE}"),
            "python -m http.server": (plain, f"/{FILE}"),
            "socket.sendfile alone": (bare, "/"),
        }
        rates: dict[str, list[float]] = {name: [] for name in servers}
        with (
            running(granian, environment, hub),
            running(simple, environment, plain),
            sendfile_server(file, bare),
        ):
            for turn in range(options.rounds + 1):
                for name, (port, path) in servers.items():
                    found = rate(port, path, size)
                    if turn:  # the first is to warm up
                        rates[name].append(found)
    print(f"| {size / MEGABYTE:.0f} MB over loopback, {options.rounds} rounds in turns | median MB/s | best |")
    print("|---|---:|---:|")
    for name, found_rates in rates.items():
        print(f"| {name} | {statistics.median(found_rates):,.0f} | {max(found_rates):,.0f} |")
    medians = {name: statistics.median(found_rates) for name, found_rates in rates.items()}
    slower = medians["our hub (granian)"] < TOLERATED * medians["python -m http.server"]
    return 1 if options.check and slower else 0


if __name__ == "__main__":
    sys.exit(main())
