"""A local chain for the demo and the tests: starts anvil, deploys the token, delegates.

For demo and tests only: the keys come from a mnemonic that everybody knows, and the node signs for whoever asks.
Transactions go through web3's contracts. `rpc` is plain JSON on purpose: it passes on what a browser's wallet asks, and
tests compare what web3 read with what the node says. Holds no rule of governance.
"""

import atexit
import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from governance.eip712 import checksum_address
from training_jobs.runner import die_with_parent

# Imported where a transaction is sent: the site of the demo loads this module too and never sends one.
if TYPE_CHECKING:
    from web3 import Web3
    from web3.contract.contract import ContractFunction
    from web3.types import TxParams

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "contracts" / "build" / "CommonsToken.json"
CHAIN_ID: Final = 31337
# The mnemonic of every local development chain; real tokens sent to its addresses are lost within seconds.
UNSAFE_MNEMONIC: Final = "test test test test test test test test test test test junk"
START_SECONDS_MAX: Final = 20.0
STOP_SECONDS_MAX: Final = 10.0
# With one slot in an epoch, anvil calls a block finalized once two more stand on it; one to spare.
BLOCKS_UNTIL_FINALIZED: Final = 3
STATE_INTERVAL_SECONDS: Final = 10
RPC_TIMEOUT_SECONDS: Final = 10.0
RECEIPT_POLL_SECONDS: Final = 0.02

UNIT: Final = 10**18
# Who takes part, with how many tokens; the deployer is the account after them. Unequal on purpose, and no
# single member above one half, so that every demo vote needs at least two people to agree.
MEMBERS: Final[tuple[tuple[str, int], ...]] = (
    ("Alice", 400_000 * UNIT),
    ("Bob", 250_000 * UNIT),
    ("Chloé", 180_000 * UNIT),
    ("Daouda", 120_000 * UNIT),
    ("Emma", 50_000 * UNIT),
)
# Everybody votes for themselves except Emma, who trusts Chloé with her tokens.
DELEGATES: Final[Mapping[str, str]] = {"Emma": "Chloé"}


class DemoChainError(RuntimeError):
    """The local chain did not start, or refused what the demo asked of it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A demo member: an unlocked account of the local chain."""

    name: str
    address: str
    tokens: int


@dataclass(frozen=True, slots=True)
class DemoToken:
    """The deployed token with its members."""

    address: str
    chain_id: int
    members: tuple[Member, ...]


class DemoChain:
    """A running anvil. Use as a context manager, or call `stop`."""

    def __init__(self, process: subprocess.Popen[str], rpc_url: str) -> None:
        """Take over a process that `start` has seen answering."""
        self._process = process
        self.rpc_url = rpc_url
        # A program that ends with an error would otherwise leave its chain behind.
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """The process id, of anvil itself."""
        return self._process.pid

    @property
    def port(self) -> int:
        """The loopback port it listens on."""
        return int(self.rpc_url.rsplit(":", 1)[1])

    def is_running(self) -> bool:
        """Say whether the process is alive."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End this very process, giving it time to write its state. Safe to call twice."""
        atexit.unregister(self.stop)
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        """Return the running chain."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()


def start(
    *,
    state: Path | None = None,
    port: int = 0,
    block_seconds: int | None = None,
    chain_id: int = CHAIN_ID,
    anvil: Path | None = None,
) -> DemoChain:
    """Start anvil on loopback and wait until it answers.

    Port 0 lets the system choose a free one. With `state`, the chain, its past included, survives a restart.
    Without `block_seconds`, each transaction makes a block and nothing else does.
    """
    command = [
        str(anvil or anvil_binary()),
        *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id)),
        *("--mnemonic", UNSAFE_MNEMONIC, "--slots-in-an-epoch", "1"),
    ]
    if state is not None:
        state.parent.mkdir(parents=True, exist_ok=True)
        command += ["--state", str(state), "--preserve-historical-states"]
        command += ["--state-interval", str(STATE_INTERVAL_SECONDS)]
    if block_seconds is not None:
        # Mixed: blocks come by the clock, so that finality moves on, and at once for a transaction that
        # waits.
        command += ["--block-time", str(block_seconds), "--mixed-mining"]
    process = subprocess.Popen(  # our own pinned binary, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_environment(),
        # Ctrl-C reaches every process of a terminal's group; the chain must outlive those that still talk to it.
        start_new_session=True,
        preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call between fork and exec
    )
    chain = DemoChain(process, "")
    try:
        chain.rpc_url = f"http://{_listening_on(process)}"
        rpc(chain.rpc_url, "eth_chainId")
    except BaseException:
        chain.stop()
        raise
    return chain


def anvil_binary() -> Path:
    """Return anvil: the program that npm installed for this platform, else one on the PATH."""
    for candidate in sorted((ROOT / "node_modules").glob("@foundry-rs/anvil-*/bin/anvil*")):
        if os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which("anvil")
    if found:
        return Path(found)
    raise DemoChainError("anvil is missing: run npm ci (64-bit Linux), or install Foundry's anvil 1.7")


def prepare(rpc_url: str, *, name: str = "Water Commons", symbol: str = "WATER") -> DemoToken:
    """Deploy the token to the members, delegate, and wait until a finalized block has all of it."""
    accounts = [checksum_address(str(account)) for account in rpc(rpc_url, "eth_accounts")]
    members = tuple(Member(who, account, tokens) for (who, tokens), account in zip(MEMBERS, accounts, strict=False))
    token = deploy(
        rpc_url,
        built("CommonsToken"),
        [(member.address, member.tokens) for member in members],
        name=name,
        symbol=symbol,
        deployer=accounts[len(members)],
    )
    address_of = {member.name: member.address for member in members}
    for member in members:
        delegate(rpc_url, token, member.address, address_of[DELEGATES.get(member.name, member.name)])
    finalize(rpc_url)
    return DemoToken(token, int(rpc(rpc_url, "eth_chainId"), 16), members)


def built(name: str) -> dict[str, Any]:
    """Return a contract of ours, compiled: {abi, bytecode}."""
    contract: dict[str, Any] = json.loads(BUILD.with_name(f"{name}.json").read_bytes())
    return contract


def deploy(
    rpc_url: str,
    build: Mapping[str, Any],
    holders: Sequence[tuple[str, int]],
    *,
    name: str = "Water Commons",
    symbol: str = "WATER",
    deployer: str | None = None,
) -> str:
    """Deploy the token to its holders; return its checksummed address."""
    sender = deployer or str(rpc(rpc_url, "eth_accounts")[-1])
    who, tokens = [holder for holder, _ in holders], [each for _, each in holders]
    return deploy_contract(rpc_url, build, sender, name, symbol, who, tokens)


def deploy_contract(rpc_url: str, build: Mapping[str, Any], sender: str, *arguments: object) -> str:
    """Deploy a compiled contract, {abi, bytecode}; return its checksummed address."""
    web3 = _web3(rpc_url)
    contract = web3.eth.contract(abi=build["abi"], bytecode=build["bytecode"])
    creation = contract.constructor(*arguments)
    by: TxParams = {"from": checksum_address(sender)}
    return checksum_address(str(_carried_out(web3, lambda: creation.transact(by))["contractAddress"]))


def call_data(build: Mapping[str, Any], function: str, *arguments: object) -> bytes:
    """Return the bytes that call a contract's function."""
    from web3 import Web3

    return bytes.fromhex(Web3().eth.contract(abi=build["abi"]).encode_abi(function, arguments).removeprefix("0x"))


def ask(rpc_url: str, build: Mapping[str, Any], address: str, function: str, *arguments: object) -> Any:  # noqa: ANN401
    """Return what a contract's function answers, without sending anything."""
    return _function(rpc_url, build, address, function, arguments).call()


def command(
    rpc_url: str, build: Mapping[str, Any], address: str, sender: str, function: str, *arguments: object
) -> None:
    """Send a call of a contract's function from an unlocked account."""
    called = _function(rpc_url, build, address, function, arguments)
    by: TxParams = {"from": checksum_address(sender)}
    _carried_out(_web3(rpc_url), lambda: called.transact(by))


def delegate(rpc_url: str, token: str, holder: str, delegatee: str) -> None:
    """Give the holder's voting power to the delegatee."""
    command(rpc_url, built("CommonsToken"), token, holder, "delegate", delegatee)


def finalize(rpc_url: str) -> None:
    """Make enough empty blocks that the newest block so far becomes a finalized one."""
    rpc(rpc_url, "anvil_mine", [hex(BLOCKS_UNTIL_FINALIZED)])


def tick(rpc_url: str) -> None:
    """Let a contract's clock go on: make an empty block, unless the newest one is of this very second.

    A token that counts seconds says nothing yet about the second of its newest block.
    """
    if int(rpc(rpc_url, "eth_getBlockByNumber", ["latest", False])["timestamp"], 16) < int(time.time()):
        rpc(rpc_url, "anvil_mine", [hex(1)])


def has_code(rpc_url: str, address: str) -> bool:
    """Say whether a contract is deployed there: after a restart, whether the chain is still the same."""
    return str(rpc(rpc_url, "eth_getCode", [address, "latest"])) != "0x"


def sign_typed_data(rpc_url: str, address: str, typed_data: Mapping[str, Any]) -> str:
    """Return the signature that the unlocked account makes of EIP-712 typed data."""
    return str(rpc(rpc_url, "eth_signTypedData_v4", [address, typed_data]))


def personal_sign(rpc_url: str, address: str, text: str) -> str:
    """Return the signature that the unlocked account makes of a text, as a wallet does for a sign-in."""
    return str(rpc(rpc_url, "personal_sign", ["0x" + text.encode().hex(), address]))


def send_transaction(rpc_url: str, transaction: Mapping[str, Any]) -> dict[str, Any]:
    """Send from an unlocked account, wait for the receipt, and raise unless the chain carried it out."""
    web3 = _web3(rpc_url)
    return _carried_out(web3, lambda: web3.eth.send_transaction(transaction))


def wait_for(rpc_url: str, transaction_hash: str) -> dict[str, Any]:
    """Return the receipt of a transaction that was sent already; raise unless the chain carries it out."""
    return _carried_out(_web3(rpc_url), lambda: bytes.fromhex(transaction_hash.removeprefix("0x")))


def rpc(rpc_url: str, method: str, parameters: Sequence[Any] = ()) -> Any:  # noqa: ANN401 - JSON is any shape
    """Ask the node one thing; an error raises with the node's own words."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}).encode()
    request = urllib.request.Request(  # loopback
        rpc_url, data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=RPC_TIMEOUT_SECONDS) as response:
        answer = json.loads(response.read())
    if "error" in answer:
        raise DemoChainError(f"{method}: {answer['error'].get('message', answer['error'])}")
    return answer["result"]


def _web3(rpc_url: str) -> "Web3":
    """Return web3 for the node, which is asked once: what fails here shows a mistake and not a busy network."""
    from web3 import HTTPProvider, Web3

    return Web3(HTTPProvider(rpc_url, {"timeout": RPC_TIMEOUT_SECONDS}, exception_retry_configuration=None))


def _function(
    rpc_url: str, build: Mapping[str, Any], address: str, function: str, arguments: Sequence[object]
) -> "ContractFunction":
    contract = _web3(rpc_url).eth.contract(checksum_address(address), abi=build["abi"])
    return contract.functions[function](*arguments)


def _carried_out(web3: "Web3", send: Callable[[], bytes]) -> dict[str, Any]:
    """Send a transaction and return its receipt; a refusal before or after it is mined raises."""
    from web3.exceptions import Web3Exception

    try:
        receipt = web3.eth.wait_for_transaction_receipt(send(), RPC_TIMEOUT_SECONDS, RECEIPT_POLL_SECONDS)
    except Web3Exception as error:
        raise DemoChainError(f"the transaction was refused: {error}") from error
    if receipt["status"] != 1:
        raise DemoChainError(f"transaction {receipt['transactionHash'].to_0x_hex()} was reverted")
    return dict(receipt)


def _environment() -> dict[str, str]:
    """Return the environment without the variables that change where anvil listens or what it forks."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("ANVIL_", "FOUNDRY_", "ETH_"))}


def _listening_on(process: subprocess.Popen[str]) -> str:
    """Return host:port from the line that anvil prints when it is ready.

    Its output is read for as long as it runs: a pipe that nobody reads fills up and then stops the writer.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_drain, args=(process, lines), name="anvil-output", daemon=True).start()
    seen: list[str] = []
    deadline = time.monotonic() + START_SECONDS_MAX
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        if line is None:
            raise DemoChainError(f"anvil ended with: {''.join(seen).strip()}")
        if line.startswith("Listening on "):
            return line.removeprefix("Listening on ").strip()
        seen.append(line)
    raise DemoChainError(f"anvil did not answer in {START_SECONDS_MAX:.0f} s: {''.join(seen).strip()}")


def _drain(process: subprocess.Popen[str], lines: "queue.SimpleQueue[str | None]") -> None:
    listening = False
    with contextlib.suppress(ValueError):  # closed by `stop`
        for line in process.stdout or ():
            if not listening:
                lines.put(line)
                listening = line.startswith("Listening on ")
    lines.put(None)
