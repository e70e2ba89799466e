"""Fetching from addresses that strangers name: never into our own network, never without end (T26)."""

import datetime as dt
import hashlib
import http.server
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from models_registry.datasets.fetch import Fetcher, FetchError, is_public, require_url
from tests.simulators.file_site import CONTENT, Site, file, redirect


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.close()


def fetcher(site: Site, **changes: object) -> Fetcher:
    """Return a fetcher that may fetch from data.example, which this site is, and from nowhere else that is private."""
    values: dict[str, object] = {
        "bytes_max": 1_000_000,
        "seconds": 10,
        "allowed": {f"data.example:{site.port}"},
        "resolve": lambda _host, _port: ["127.0.0.1"],
    }
    return Fetcher(**(values | changes))  # type: ignore[arg-type]


def refused(found: Fetcher, url: str, folder: Path) -> FetchError:
    with pytest.raises(FetchError) as caught:
        found.fetch(url, folder / "file")
    assert not (folder / "file").exists()
    return caught.value


def test_a_file_is_fetched_and_hashed(site: Site, tmp_path: Path) -> None:
    found = fetcher(site).fetch(f"http://data.example:{site.port}/rows.jsonl?a=b#c", tmp_path / "file")
    assert (found.size, found.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert (tmp_path / "file").read_bytes() == CONTENT
    path, headers = site.asked[0]
    assert path == "/rows.jsonl?a=b"
    assert headers["Host"] == f"data.example:{site.port}"
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Authorization", "Cookie", "Referer", "Proxy-Authorization"} & set(headers)


# --- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.jsonl",
        "ftp://example.org/a.jsonl",
        "file:///etc/passwd",
        "gopher://example.org/",
        "data:text/plain,a",
        "//example.org/a.jsonl",
        "https:///a.jsonl",
        "https://",
        "https://example.org:8443/a.jsonl",
        "https://example.org:22/a.jsonl",
        "https://example.org:0/a.jsonl",
        "https://example.org:99999/a.jsonl",
        "https://example.org:port/a.jsonl",
        "https://user@example.org/a.jsonl",
        "https://user:password@example.org/a.jsonl",
        "https://@example.org/a.jsonl",
        "https://example.org\\@127.0.0.1/a.jsonl",
        "https://exa mple.org/",
        "https://example.org/\r\nHost: other",
        "https://example.org/a\0b",
        "https://exämple.org/",
        "https://[::1/a.jsonl",
        "https://[fe80::1%25eth0]/a.jsonl",
        "https://example.org/" + "a" * 2000,
        "",
        "a.jsonl",
    ],
)
def test_an_address_that_is_never_fetched_from(url: str) -> None:
    with pytest.raises(FetchError) as caught:
        require_url(url)
    assert (caught.value.code, caught.value.permanent) == ("url_forbidden", True)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "febf::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1",
        "::127.0.0.1", "::10.0.0.1", "::192.168.0.1",
        "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:c0a8:101::",
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "64:ff9b:1:ffff::8.8.8.8",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:4860::5efe:10.0.0.1", "2001:4860::200:5efe:127.0.0.1",
        "3fff::1", "5f00::1", "4000::1", "fe80::1%eth0",
        "0x7f.1", "2130706433", "127.1", "0177.0.0.1", "localhost", "", "1.2.3.4.5",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4009::1", "64:ff9b::8.8.8.8",
     "::ffff:8.8.8.8", "2002:808:808::1"],
)  # fmt: skip
def test_an_address_that_is_public(address: str) -> None:
    assert is_public(address)


def test_every_address_of_the_first_half_of_a_private_network_is_refused() -> None:
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8"):
        first = int(ipaddress.ip_network(network)[0])
        assert not any(is_public(str(ipaddress.ip_address(first + step * 7919))) for step in range(8))


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["::ffff:169.254.169.254"], ["10.1.2.3"],
        ["2606:4700::1", "fd00::1"],
    ],
)  # fmt: skip
def test_a_name_with_one_address_that_is_not_public_is_refused(found: list[str], tmp_path: Path) -> None:
    error = refused(Fetcher(1000, 5, (), lambda _host, _port: found), "https://evil.example/a.jsonl", tmp_path)
    assert (error.code, error.permanent) == ("url_forbidden", True)


def test_a_name_is_resolved_once_so_that_it_cannot_change_its_mind(site: Site, tmp_path: Path) -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["203.0.113.9"] if len(asked) == 1 else ["127.0.0.1"]

    found = Fetcher(1000, 5, (), rebinding)
    assert refused(found, "https://evil.example/a.jsonl", tmp_path).code == "url_forbidden"
    assert asked == ["evil.example"]
    connected: list[str] = []

    def once(host: str, _port: int) -> list[str]:
        connected.append(host)
        return ["127.0.0.1"]

    fetcher(site, resolve=once).fetch(f"http://data.example:{site.port}/a", tmp_path / "file")
    assert connected == ["data.example"]


@pytest.mark.parametrize("found", [[], None])
def test_a_name_without_an_address_may_have_one_later(found: list[str] | None, tmp_path: Path) -> None:
    def nowhere(_host: str, _port: int) -> list[str]:
        if found is None:
            raise socket.gaierror(-2, "Name or service not known")
        return found

    error = refused(Fetcher(1000, 5, (), nowhere), "https://gone.example/a.jsonl", tmp_path)
    assert (error.code, error.permanent) == ("host_unknown", False)


# --- redirects ----------------------------------------------------------------------------------------------------


def test_three_redirects_are_followed_and_four_are_not(site: Site, tmp_path: Path) -> None:
    for number in range(5):
        site.answers[f"/{number}"] = redirect(f"/{number + 1}", (301, 302, 303, 307, 308)[number])
    address = f"http://data.example:{site.port}"
    assert fetcher(site).fetch(f"{address}/2", tmp_path / "good").size == len(CONTENT)
    assert refused(fetcher(site), f"{address}/1", tmp_path).code == "url_forbidden"


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/secret", "http://localhost:{port}/secret", "http://[::1]:{port}/secret",
        "https://127.0.0.1/secret", "https://169.254.169.254/latest/meta-data/", "https://[::ffff:a9fe:a9fe]/",
        "file:///etc/passwd", "ftp://data.example/", "//127.0.0.1:{port}/secret",
        "http://user:password@data.example:{port}/secret", "https://metadata.internal/",
    ],
)  # fmt: skip
def test_a_redirect_into_our_own_network_is_not_followed(target: str, site: Site, tmp_path: Path) -> None:
    site.answers["/start"] = redirect(target.format(port=site.port))
    error = refused(fetcher(site), f"http://data.example:{site.port}/start", tmp_path)
    assert (error.code, error.permanent) == ("url_forbidden", True)
    assert [path for path, _ in site.asked] == ["/start"]


def test_a_redirect_to_nowhere_is_refused(site: Site, tmp_path: Path) -> None:
    site.answers["/start"] = redirect("")
    assert refused(fetcher(site), f"http://data.example:{site.port}/start", tmp_path).code == "fetch_refused"


# --- answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(404, True), (403, True), (401, True), (410, True), (206, True), (429, False), (503, False)],
)
def test_another_answer_than_a_file_says_whether_trying_again_can_help(
    status: int, permanent: bool, site: Site, tmp_path: Path
) -> None:
    site.answers["/a"] = file(b"no", status, Retry_After="7")
    error = refused(fetcher(site), f"http://data.example:{site.port}/a", tmp_path)
    assert (error.code, error.permanent, error.retry_after_seconds) == ("fetch_refused", permanent, 7)


@pytest.mark.parametrize("announced", [True, False])
def test_more_bytes_than_the_budget_are_not_read(announced: bool, site: Site, tmp_path: Path) -> None:
    def endless(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if announced:
            request.send_header("Content-Length", str(10**12))
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 65_536)
        except OSError:
            return

    site.answers["/a"] = endless
    error = refused(fetcher(site, bytes_max=100_000), f"http://data.example:{site.port}/a", tmp_path)
    assert (error.code, error.permanent) == ("too_large", True)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd"])
def test_a_packed_answer_is_not_unpacked(encoding: str, site: Site, tmp_path: Path) -> None:
    site.answers["/a"] = file(CONTENT, Content_Encoding=encoding)
    assert refused(fetcher(site), f"http://data.example:{site.port}/a", tmp_path).code == "fetch_refused"


def test_an_answer_that_ends_early_is_no_file(site: Site, tmp_path: Path) -> None:
    site.answers["/a"] = file(CONTENT, Content_Length=str(len(CONTENT) + 5))
    error = refused(fetcher(site), f"http://data.example:{site.port}/a", tmp_path)
    assert (error.code, error.permanent) == ("fetch_broken", False)


@pytest.mark.parametrize("where", ["headers", "body"])
def test_an_answer_that_drips_ends_with_the_time(where: str, site: Site, tmp_path: Path) -> None:
    over = threading.Event()

    def slow(request: http.server.BaseHTTPRequestHandler) -> None:
        try:
            if where == "body":
                request.send_response(200)
                request.end_headers()
            while not over.wait(0.05):
                request.wfile.write(b"x")
                request.wfile.flush()
        except OSError:
            return

    site.answers["/a"] = slow
    begun = time.monotonic()
    error = refused(fetcher(site, seconds=1), f"http://data.example:{site.port}/a", tmp_path)
    over.set()
    assert (error.code, error.permanent) == ("fetch_too_slow", False)
    assert time.monotonic() - begun < 5


def test_a_port_that_nobody_listens_on_may_be_answered_later(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = Fetcher(1000, 2, {f"data.example:{port}"}, lambda _host, _port: ["127.0.0.1"])
    error = refused(found, f"http://data.example:{port}/a", tmp_path)
    assert (error.code, error.permanent) == ("host_unreachable", False)


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a certificate for data.example and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "data.example")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("data.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls_site(certificate: Path) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    found = Site(context)
    found.names = names  # type: ignore[attr-defined]
    yield found
    found.close()


def test_the_certificate_is_judged_for_the_name_although_the_address_was_chosen(
    tls_site: Site, certificate: Path, tmp_path: Path
) -> None:
    tls = ssl.create_default_context(cafile=str(certificate))
    found = fetcher(tls_site, tls=tls).fetch(f"https://data.example:{tls_site.port}/a", tmp_path / "file")
    assert found.size == len(CONTENT)
    assert tls_site.names == ["data.example"]  # type: ignore[attr-defined]


def test_a_certificate_of_another_name_or_of_nobody_is_refused(
    tls_site: Site, certificate: Path, tmp_path: Path
) -> None:
    tls = ssl.create_default_context(cafile=str(certificate))
    other = fetcher(tls_site, tls=tls, allowed={f"other.example:{tls_site.port}"})
    assert refused(other, f"https://other.example:{tls_site.port}/a", tmp_path).code == "certificate_invalid"
    assert refused(fetcher(tls_site), f"https://data.example:{tls_site.port}/a", tmp_path).code == "certificate_invalid"
    assert tls_site.asked == []
