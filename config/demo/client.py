"""A member of the demo as a program: talks to the public API like any client, signs like a wallet. No Django."""

import http.cookiejar
import json
import secrets
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from config.demo import chain

TIMEOUT_SECONDS = 60


class ApiError(RuntimeError):
    """The API refused: `problem` is its answer."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        """Keep the answer."""
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class Client:
    """One member with cookies of their own."""

    def __init__(self, site: str, rpc_url: str, member: chain.Member) -> None:
        """Take the site, the chain that signs, and who this is."""
        self.site = site
        self.member = member
        self._rpc_url = rpc_url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def sign_in(self) -> None:
        """Sign in with the wallet (EIP-4361)."""
        invitation = self.post("/api/v1/auth/nonce", {"address": self.member.address})
        signature = chain.personal_sign(self._rpc_url, self.member.address, invitation["message"])
        self.post("/api/v1/auth/verify", {"message": invitation["message"], "signature": signature})
        # The page sets the CSRF cookie that every later change must repeat.
        self._opener.open(f"{self.site}/", timeout=TIMEOUT_SECONDS).read()

    def vote(self, proposal: str, choice: int | list[int], reason: str = "") -> dict[str, Any]:
        """Ask for the message, sign it, cast the ballot; return the receipt."""
        asked = {"voter": self.member.address, "choice": json.dumps(choice), "reason": reason}
        query = urllib.parse.urlencode(asked)
        offer = self.get(f"/api/v1/proposals/{proposal}/ballot-message?{query}")
        signature = self.sign(offer["typed_data"])
        ballot = {
            "proposal": proposal,
            "voter": self.member.address,
            "choice": choice,
            "reason": reason,
            "nonce": offer["nonce"],
            "signature": signature,
        }
        receipt: dict[str, Any] = self.post("/api/v1/ballots", ballot)["receipt"]
        return receipt

    def delegate(self, community: str, delegate: str, topic: str, share_bps: int = 10_000) -> dict[str, Any]:
        """Lend one's votes on a topic to another member: ask for the message, sign it, send it."""
        asked = {"delegator": self.member.address, "delegate": delegate, "topic": topic, "share_bps": share_bps}
        where = f"/api/v1/communities/{community}"
        offer = self.get(f"{where}/delegation-message?{urllib.parse.urlencode(asked)}")
        signature = self.sign(offer["typed_data"])
        signed = {**asked, "expires_at": 0, "nonce": offer["nonce"], "signature": signature}
        made: dict[str, Any] = self.post(f"{where}/delegations", signed)
        return made

    def send(self, transaction: dict[str, Any]) -> None:
        """Send what the site offers, as this member's wallet would, and wait until it stands in a block."""
        offered = {name: transaction[name] for name in ("to", "data")}
        chain.send_transaction(self._rpc_url, {"from": self.member.address, **offered})

    def sign(self, typed_data: dict[str, Any]) -> str:
        """Sign typed data, as this member's wallet would."""
        return chain.sign_typed_data(self._rpc_url, self.member.address, typed_data)

    def settle(self) -> None:
        """Let what was sent become final in a few seconds: on the local chain nobody else makes blocks."""
        chain.tick(self._rpc_url)

    def download(self, path: str, file: Path) -> Path:
        """Store what an address answers with."""
        with self._opener.open(f"{self.site}{path}", timeout=TIMEOUT_SECONDS) as answer:
            file.write_bytes(answer.read())
        return file

    def propose(self, draft: dict[str, Any]) -> dict[str, Any]:
        """Write a draft and submit it; return the proposal."""
        stored = self.post("/api/v1/drafts", draft)
        proposal: dict[str, Any] = self.post(f"/api/v1/drafts/{stored['draft']}/submit", {})
        return proposal

    def upload_dataset(self, file: Path, **fields: str) -> dict[str, Any]:
        """Register a dataset of JSON lines."""
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
            "Content-Type: application/x-ndjson\r\n\r\n".encode()
        )
        body = b"".join([*parts, file.read_bytes(), f"\r\n--{boundary}--\r\n".encode()])
        dataset: dict[str, Any] = self._send(
            "POST", "/api/v1/datasets", body, f"multipart/form-data; boundary={boundary}"
        )
        return dataset

    def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """Read JSON."""
        return self._send("GET", path, None, None)

    def post(self, path: str, value: object) -> Any:  # noqa: ANN401 - any JSON
        """Send and read JSON."""
        return self._send("POST", path, json.dumps(value).encode(), "application/json")

    def put(self, path: str, body: bytes, content_type: str) -> None:
        """Put bytes where an address says."""
        self._send("PUT", path, body, content_type)

    def send_file(self, path: str, file: Path) -> Any:  # noqa: ANN401 - any JSON
        """Send a file of JSON byte for byte, and read JSON."""
        return self._send("POST", path, file.read_bytes(), "application/json")

    def _send(self, method: str, path: str, body: bytes | None, content_type: str | None) -> Any:  # noqa: ANN401
        headers = {"Accept": "application/json", "Referer": f"{self.site}/"}
        if content_type:
            headers["Content-Type"] = content_type
        token = next((cookie.value for cookie in self._cookies if cookie.name == "csrftoken"), None)
        if token:
            headers["X-CSRFToken"] = token
        request = urllib.request.Request(f"{self.site}{path}", data=body, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                raise ApiError(error.code, json.loads(text)) from error
            except ValueError:
                raise ApiError(error.code, {"detail": text[:500].decode(errors="replace")}) from error
        return json.loads(content) if content else None
