"""Sign-In with Ethereum: a strict parser of the signed text, the policy it must meet, and its renderer.

Pure: no Django, no network, no clock (`now` is passed in). Holds no session and no nonce store: whether a
nonce was issued, is fresh and unused is the caller's to know, because using it up must be one atomic step
there.

The parser follows the ABNF of ERC-4361 line by line, in time linear in the text, and refuses what the ABNF
allows but two readers could take differently: addresses without checksum, user names in addresses of sites,
schemes other than http(s), lower-case `t` and `z` in times, leap seconds. A statement is ASCII, so it has no
accents.

Only what stands inside the signed text counts; a value beside it (a request parameter) is never consulted.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from governance import eip712

LENGTH_MAX: Final = 4_096
RESOURCES_MAX: Final = 16
NONCE_LENGTH_MAX: Final = 96
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
LIFETIME_MAX: Final = timedelta(hours=24)

_GREETING: Final = " wants you to sign in with your Ethereum account:"

# Each pattern is matched against one line. Where something repeats, the first character of the next part
# decides where it belongs, so there is nothing to try twice and no text can take long.
_HOST: Final = r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_CHARACTER: Final = r"[A-Za-z0-9._~:@!$&'()*+,;=/-]|%[0-9A-Fa-f]{2}"
_DOMAIN: Final = re.compile(rf"(?:(https?)://)?({_HOST})")
_URI: Final = re.compile(
    rf"(https?)://({_HOST})(?:/(?:{_CHARACTER})*)?(?:\?(?:{_CHARACTER}|\?)*)?(?:#(?:{_CHARACTER}|\?)*)?"
)
_STATEMENT: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;= -]+")
_CHAIN_ID: Final = re.compile(r"[1-9][0-9]{0,15}")
_NONCE: Final = re.compile(rf"[A-Za-z0-9]{{8,{NONCE_LENGTH_MAX}}}")
_REQUEST_ID: Final = re.compile(r"(?:[A-Za-z0-9._~:@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)


class SiweError(ValueError):
    """A refused sign-in: `siwe_malformed` is no sign-in text, `siwe_rejected` is not for us or not now.

    `detail` is for the log. A public answer to `siwe_rejected` should be the same for every detail, so that
    nobody can find out, for instance, which nonces exist.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class SiweMessage:
    """The fields of a sign-in text. `scheme` is None where the domain stands alone."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued_at: datetime
    scheme: str | None = None
    statement: str | None = None
    expiration_time: datetime | None = None
    not_before: datetime | None = None
    request_id: str | None = None
    resources: tuple[str, ...] = ()


def parse(text: str) -> SiweMessage:
    """Read a sign-in text; raise SiweError `siwe_malformed` for anything that is not exactly one.

    1. size and characters  2. the greeting and the address  3. the statement  4. the fixed fields, in their
    order 5. the optional fields, in their order  6. nothing after them
    """
    # 1. size and characters
    if not isinstance(text, str):
        raise _malformed(f"a text is needed, {type(text).__name__} found")
    if len(text) > LENGTH_MAX:
        raise _malformed(f"{len(text)} characters found, at most {LENGTH_MAX} allowed")
    if not text.isascii() or "\r" in text or "\x00" in text:
        raise _malformed("only ASCII and line feeds are allowed")
    lines = _Lines(text.split("\n"))

    # 2. the greeting and the address
    greeting = lines.next("the greeting")
    if not greeting.endswith(_GREETING):
        raise _malformed("the first line is not the greeting of a sign-in")
    scheme, domain = _match(_DOMAIN, greeting[: -len(_GREETING)], "domain").groups()
    _require_real_host(domain)
    address = _address(lines.next("the address"))

    # 3. the statement, between two empty lines; without one, only the empty lines
    lines.expect_empty("after the address")
    statement = lines.next("the statement") or None
    if statement is not None:
        _match(_STATEMENT, statement, "statement")
        lines.expect_empty("after the statement")

    # 4. the fixed fields
    uri = _uri(lines.field("URI"), "URI")
    if (version := lines.field("Version")) != "1":
        raise _malformed(f"version 1 is needed, {version!r} found")
    chain_id = int(_match(_CHAIN_ID, lines.field("Chain ID"), "chain id").group())
    nonce = _match(_NONCE, lines.field("Nonce"), "nonce").group()
    issued_at = _time(lines.field("Issued At"))

    # 5. the optional fields
    expiration = lines.optional_field("Expiration Time")
    not_before = lines.optional_field("Not Before")
    request_id = lines.optional_field("Request ID")
    if request_id is not None:
        _match(_REQUEST_ID, request_id, "request id")
    resources = _resources(lines)

    # 6. nothing after them
    lines.expect_end()
    return SiweMessage(
        scheme=scheme,
        domain=domain,
        address=address,
        statement=statement,
        uri=uri,
        chain_id=chain_id,
        nonce=nonce,
        issued_at=issued_at,
        expiration_time=None if expiration is None else _time(expiration),
        not_before=None if not_before is None else _time(not_before),
        request_id=request_id,
        resources=resources,
    )


def check(
    message: SiweMessage,
    *,
    now: datetime,
    domains: Collection[str],
    chain_ids: Collection[int],
    nonce: str | None,
    schemes: Collection[str] = ("https",),
    request_id: str | None = None,
) -> None:
    """Raise SiweError `siwe_rejected` unless the message was made for this site, this chain, this moment.

    `domains` are the hosts (with port where it is not the usual one) that this site answers to. `nonce` is
    the unused one that this visitor was given, None if there is none. `schemes` gains "http" only where a
    site runs on one machine, such as the demo. `request_id` is the one that was asked for; None means that
    there must be none.
    """
    scheme, host = _match(_URI, message.uri, "URI").group(1, 2)
    expires, starts = message.expiration_time, message.not_before
    findings = (
        (message.domain in domains, f"domain {message.domain} is not ours"),
        (host == message.domain, f"URI {message.uri} is not on domain {message.domain}"),
        (scheme in schemes, f"URI scheme {scheme} is not allowed"),
        (message.scheme in (None, scheme), f"scheme {message.scheme} differs from that of URI {message.uri}"),
        (message.chain_id in chain_ids, f"chain {message.chain_id} is not ours"),
        (nonce is not None and message.nonce == nonce, "the nonce was not issued here, is old, or was used"),
        (message.request_id == request_id, "the request id is not the one that was asked for"),
        (abs(message.issued_at - now) <= CLOCK_TOLERANCE, f"issued at {message.issued_at}, now it is {now}"),
        (expires is None or expires > now, f"expired at {expires}, now it is {now}"),
        (expires is None or expires - message.issued_at <= LIFETIME_MAX, f"lives longer than {LIFETIME_MAX}"),
        (starts is None or starts <= now, f"not valid before {starts}, now it is {now}"),
    )
    for holds, detail in findings:
        if not holds:
            raise SiweError("siwe_rejected", detail)


def verify(
    text: str,
    signature: str,
    *,
    now: datetime,
    domains: Collection[str],
    chain_ids: Collection[int],
    nonce: str | None,
    schemes: Collection[str] = ("https",),
    request_id: str | None = None,
    stood_by: Callable[[SiweMessage, bytes], bool] | None = None,
) -> SiweMessage:
    """Parse, check and verify the signature of a sign-in; return the message, whose `address` has signed it.

    Where no key signed it, `stood_by` may say that the account's contract stands by it; it gets message and digest.
    Raises SiweError; and SignatureError `malformed_field` for what is not a signature at all.
    """
    message = parse(text)
    check(
        message,
        now=now,
        domains=domains,
        chain_ids=chain_ids,
        nonce=nonce,
        schemes=schemes,
        request_id=request_id,
    )
    digest = eip712.personal_message_digest(text)
    try:
        eip712.verify(digest, signature, message.address)
    except eip712.SignatureError as error:
        if stood_by is not None and stood_by(message, digest):
            return message
        if error.code == "malformed_field":
            raise
        raise SiweError("siwe_rejected", error.detail) from error
    return message


def render(message: SiweMessage) -> str:
    """Return the text to sign; `parse` of it gives the message again. Raises SiweError if it could not."""
    lines = [
        f"{message.scheme}://{message.domain}{_GREETING}" if message.scheme else f"{message.domain}{_GREETING}",
        message.address,
        "",
        *([] if message.statement is None else [message.statement]),
        "",
        f"URI: {message.uri}",
        "Version: 1",
        f"Chain ID: {message.chain_id}",
        f"Nonce: {message.nonce}",
        f"Issued At: {_time_text(message.issued_at)}",
    ]
    if message.expiration_time is not None:
        lines.append(f"Expiration Time: {_time_text(message.expiration_time)}")
    if message.not_before is not None:
        lines.append(f"Not Before: {_time_text(message.not_before)}")
    if message.request_id is not None:
        lines.append(f"Request ID: {message.request_id}")
    if message.resources:
        lines.append("Resources:")
        lines.extend(f"- {resource}" for resource in message.resources)
    text = "\n".join(lines)
    if parse(text) != message:
        raise _malformed("the fields do not survive rendering; is there a line feed in one of them?")
    return text


class _Lines:
    """The lines of a text, read once from first to last."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._position = 0

    def next(self, what: str) -> str:
        if self._position == len(self._lines):
            raise _malformed(f"the text ends before {what}")
        self._position += 1
        return self._lines[self._position - 1]

    def expect_empty(self, where: str) -> None:
        if self.next(f"the empty line {where}") != "":
            raise _malformed(f"an empty line is needed {where}")

    def field(self, name: str) -> str:
        value = self.optional_field(name)
        if value is None:
            raise _malformed(f"{name!r} is missing or not in its place")
        return value

    def optional_field(self, name: str) -> str | None:
        return self.optional_line(f"{name}: ")

    def optional_line(self, prefix: str) -> str | None:
        if self._position == len(self._lines) or not self._lines[self._position].startswith(prefix):
            return None
        self._position += 1
        return self._lines[self._position - 1][len(prefix) :]

    def expect_end(self) -> None:
        if self._position != len(self._lines):
            raise _malformed(f"line {self._position + 1} is unknown, repeated or not in its place")


def _resources(lines: _Lines) -> tuple[str, ...]:
    """Return the listed resources. A heading without a list, or too long a list, is refused."""
    rest = lines.optional_line("Resources:")
    if rest is None:
        return ()
    found: list[str] = []
    while (resource := lines.optional_line("- ")) is not None:
        found.append(_uri(resource, "resource"))
    if rest or not 0 < len(found) <= RESOURCES_MAX:
        raise _malformed(f"between 1 and {RESOURCES_MAX} resources may follow their heading, {len(found)} found")
    return tuple(found)


def _uri(text: str, what: str) -> str:
    _require_real_host(_match(_URI, text, what).group(2))
    return text


def _require_real_host(host: str) -> None:
    """Refuse an IPv6 address that is none; the patterns only know its characters."""
    if host.startswith("["):
        try:
            IPv6Address(host[1 : host.index("]")])
        except AddressValueError as error:
            raise _malformed(f"there is no such address: {host}") from error


def _match(pattern: re.Pattern[str], text: str, what: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise _malformed(f"the {what} has a form that is not allowed")
    return found


def _address(text: str) -> str:
    try:
        address = eip712.parse_address(text)
    except eip712.AddressError as error:
        raise _malformed(error.detail) from error
    if address != text:
        raise _malformed("the address must carry its checksum")
    return address


def _time(text: str) -> datetime:
    """Return the moment of an RFC 3339 time, cut to microseconds, in UTC."""
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = _match(
        _TIME, text, "time"
    ).groups()
    try:
        offset = timedelta()
        if sign is not None:
            # `time` refuses what no clock shows; an offset has the same limits.
            at = time(int(offset_hour), int(offset_minute))
            offset = timedelta(hours=at.hour, minutes=at.minute)
        zone = timezone(-offset if sign == "-" else offset)
        microsecond = int((fraction or "")[:6].ljust(6, "0"))
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), microsecond, tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _malformed(f"there is no such time: {text}") from error


def _time_text(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC; a time without a zone could mean any moment of a day."""
    if moment.tzinfo is None:
        raise _malformed("a time needs a zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _malformed(detail: str) -> SiweError:
    return SiweError("siwe_malformed", detail)
