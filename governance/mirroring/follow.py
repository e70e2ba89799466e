"""Following the log of a community of another site: what is new is asked for, verified, and only then kept.

1. The newest checkpoint: its signature is the pinned key's.  2. It agrees with all that is here: a log that forks is
followed no further, and both checkpoints are kept.  3. Entries come in pages, and each page is kept once the tree with
it is shown to be a beginning of the signed one; so an interrupted round goes on where it stopped.  4. Records and
manifests of releases that the log leads to, each kept if its text has the digest by which it is named.

The key is the one that the operator gave, or the one that the site told at first contact: then whoever was between the
two sites at that moment is trusted. A key that a vote replaced later signs no checkpoints: the founding key does.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from governance.errors import Conflict, Invalid
from governance.evidence import log_tree, merkle
from governance.evidence.canonical import CanonicalError
from governance.evidence.checkpoint import Checkpoint, CheckpointError, log_origin, open_note
from governance.evidence.record import DIGEST_PATTERN, Record
from governance.evidence.signing import is_usable_public_key
from governance.mirroring.source import Source, SourceError, text_of, texts_of, told
from governance.mirroring.tree import reader, root_at
from governance.models import Mirror, MirroredCheckpoint, MirroredDocument, MirroredEntry, MirroredNode

ENTRIES_PER_PAGE = 500
DOCUMENTS_PER_ROUND = 2_000
LEAF_CHARACTERS_MAX = 1_000_000
MANIFEST_BYTES_MAX = 4_000_000
_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
_REVISION = re.compile(r"[0-9a-f]{40}")
_KEPT, _WANTED = MirroredDocument.State.KEPT, MirroredDocument.State.WANTED
_ABSENT, _REFUSED = MirroredDocument.State.ABSENT, MirroredDocument.State.REFUSED


class Stop(Exception):
    """Nothing more is taken in. `forked`: two signed states of one log that cannot both be true.

    `not_consistent`: a longer signed state, and no proof that it begins with what is here; a fork, or a false answer.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought."""

    entries: int = 0
    documents: int = 0
    refused: int = 0


def begin(slug: str, address: str, community: str, source: Source, now: datetime, *, key: str = "") -> Mirror:
    """Make a mirror. `key`: the public key that signs the log, 64 hex digits; without it, the one that the site tells.

    Raises Invalid for a key that cannot be one, SourceError where the site tells nothing that can be used.
    """
    about = told(source, f"/api/v1/communities/{community}")
    public_key = text_of(about.get("release_key"), "the release key")
    if key and not is_usable_public_key(key):
        raise Invalid("key_unusable", "an Ed25519 public key has 64 lower-case hex digits", field="key", found=key[:80])
    if not key and not is_usable_public_key(public_key):
        raise Invalid("key_unusable", "the site tells no Ed25519 public key", field="key", found=public_key[:80])
    try:
        origin = log_origin(text_of(about.get("instance"), "the instance"), community)
    except CheckpointError as error:
        raise SourceError("unreadable", error.detail) from error
    mirror = Mirror.objects.create(
        slug=slug,
        address=address,
        community=community,
        origin=origin[:400],
        public_key=key or public_key,
        key_was_given=bool(key),
        began_at=now,
    )
    _want(mirror, [text_of(about.get(name), name) for name in ("record", "charter")])
    return mirror


def follow(mirror: Mirror, source: Source, now: datetime) -> Round:
    """Take in what is new, see above; return what came. Raises Conflict for a mirror that has stopped.

    A site that cannot be reached, or answers what nobody can read, ends the round: what went wrong stands in `detail`.
    """
    if mirror.stopped:
        raise Conflict("mirror_stopped", mirror.detail, found=mirror.stopped)
    before = mirror.size
    documents = refused = 0
    try:
        _follow_log(mirror, source, now)
        mirror.asked_at, mirror.detail = now, ""
        documents, refused = _take_documents(mirror, source)
    except Stop as error:
        mirror.asked_at, mirror.stopped, mirror.detail = now, error.code, str(error)[:600]
    except CheckpointError as error:
        mirror.detail = f"the checkpoint is not this log's: {error}"[:600]
    except SourceError as error:
        mirror.detail = str(error)[:600]
    mirror.save()
    return Round(mirror.size - before, documents, refused)


# --- 1 to 3: the log -------------------------------------------------------------------------------------------------


def _follow_log(mirror: Mirror, source: Source, now: datetime) -> None:
    place = f"/api/v1/communities/{mirror.community}/log"
    note = told(source, place).get("checkpoint")
    if note is None:
        if mirror.size:
            raise SourceError("absent", "the site shows no checkpoint any more")
        return
    newest = open_note(text_of(note, "the checkpoint"), mirror.origin, mirror.public_key)  # 1
    _require_agreement(mirror, source, newest, str(note), now)  # 2
    while mirror.size < newest.size:  # 3
        _take_page(mirror, source, newest)
    known = MirroredCheckpoint.objects.filter(mirror=mirror, size=newest.size, forked=False)
    if not known.exists():
        MirroredCheckpoint.objects.create(mirror=mirror, size=newest.size, note=note, seen_at=now)


def _require_agreement(mirror: Mirror, source: Source, newest: Checkpoint, note: str, now: datetime) -> None:
    """Raise Stop for a signed state that is not an earlier, the same, or a later one of the log that is here."""
    if newest.size <= mirror.size:
        code, agrees = "forked", root_at(mirror, newest.size) == newest.root
    else:
        root = root_at(mirror, mirror.size)
        code, agrees = "not_consistent", not mirror.size or _begins(mirror.size, root, newest, mirror, source)
    if not agrees:
        if not mirror.checkpoints.filter(note=note, forked=True).exists():
            MirroredCheckpoint.objects.create(mirror=mirror, size=newest.size, note=note, seen_at=now, forked=True)
        raise Stop(
            code,
            f"the key of {mirror.origin} signed a state of {newest.size} entries that does not agree with the"
            f" {mirror.size} entries that are here; both signed states are kept",
        )


def _begins(size: int, root: str, newest: Checkpoint, mirror: Mirror, source: Source) -> bool:
    """Say whether the site shows that the tree of this size and root is a beginning of the signed one."""
    place = f"/api/v1/communities/{mirror.community}/log/consistency?old={size}&new={newest.size}"
    proof = texts_of(told(source, place).get("proof"), "the proof")
    return merkle.verify_consistency(size, newest.size, proof, root, newest.root)


def _take_page(mirror: Mirror, source: Source, newest: Checkpoint) -> None:
    """Ask for the next entries, and keep them if the tree with them is a beginning of the signed one."""
    leaves = _leaves(mirror, source, min(ENTRIES_PER_PAGE, newest.size - mirror.size))
    nodes = log_tree.append(mirror.size, reader(mirror), [merkle.leaf_hash(leaf.encode()) for leaf in leaves])
    size = mirror.size + len(leaves)
    root = log_tree.root(size, reader(mirror, {node.key: node.hash for node in nodes}))
    agrees = root == newest.root if size == newest.size else _begins(size, root, newest, mirror, source)
    if not agrees:
        # the site, or whoever is between, signs one thing and shows another
        raise SourceError("unreadable", f"the entries from {mirror.size} on are not those that were signed")
    with transaction.atomic():
        MirroredEntry.objects.bulk_create(
            MirroredEntry(mirror=mirror, position=position, leaf=leaf)
            for position, leaf in enumerate(leaves, start=mirror.size)
        )
        MirroredNode.objects.bulk_create(
            MirroredNode(mirror=mirror, level=node.key[0], index=node.key[1], hash=node.hash) for node in nodes
        )
        _want(mirror, [digest for leaf in leaves for digest in _DIGEST.findall(leaf)])
        mirror.size = size
        mirror.save(update_fields=["size"])


def _leaves(mirror: Mirror, source: Source, count: int) -> list[str]:
    """Return the next leaves; fewer at a time where so many are too large for one answer."""
    while True:
        place = f"/api/v1/communities/{mirror.community}/log/entries?start={mirror.size}&count={count}"
        try:
            leaves = texts_of(told(source, place).get("leaves"), "the leaves")[:count]
        except SourceError as error:
            if error.code != "too_large" or count == 1:
                raise
            count //= 2
            continue
        if not leaves or max(map(len, leaves)) > LEAF_CHARACTERS_MAX:
            raise SourceError("unreadable", f"no entries that can be used from {mirror.size} on")
        return leaves


# --- 4: records and manifests ----------------------------------------------------------------------------------------


def _take_documents(mirror: Mirror, source: Source) -> tuple[int, int]:
    """Ask for what is wanted, and again for what did not verify; return how many were kept, and how many refused."""
    kept = refused = 0
    again = list(mirror.documents.filter(state=_REFUSED)[:DOCUMENTS_PER_ROUND])
    left = DOCUMENTS_PER_ROUND
    while left > 0:
        asked = again or list(mirror.documents.filter(state=_WANTED)[: min(left, ENTRIES_PER_PAGE)])
        again = []
        if not asked:
            break
        left -= len(asked)
        for document in asked:
            state = _take(mirror, source, document)
            kept += state == _KEPT
            refused += state == _REFUSED
    return kept, refused


def _take(mirror: Mirror, source: Source, document: MirroredDocument) -> str:
    """Ask for one document and keep it if it is what its digest says."""
    document.state, document.text, document.detail = _ABSENT, "", ""
    try:
        if document.place:
            document.text = _manifest(source, document)
        else:
            document.text = _record(mirror, source, document)
        document.state = _KEPT
    except _NotWhatItSays as error:
        document.state, document.text, document.detail = _REFUSED, "", str(error)[:300]
    except SourceError as error:
        if error.code == "unreachable":
            raise
        if error.code != "absent":
            document.state, document.detail = _REFUSED, str(error)[:300]
    document.save()
    return str(document.state)


class _NotWhatItSays(Exception):
    """What came has another digest than the one by which it was asked for."""


def _record(mirror: Mirror, source: Source, document: MirroredDocument) -> str:
    canonical = text_of(told(source, f"/api/v1/records/{document.sha256}").get("canonical"), "the record")
    try:
        record = Record.from_bytes(canonical.encode())
    except (CanonicalError, UnicodeEncodeError) as error:
        raise _NotWhatItSays(f"what came is no record: {error}") from error
    if record.digest != document.sha256:
        raise _NotWhatItSays(f"what came is the record {record.digest}")
    _want(mirror, record.parents)
    if record.kind == "release":
        _want_manifest(mirror, record)
    return canonical


def _want_manifest(mirror: Mirror, release: Record) -> None:
    model, revision, digest = (release.body.get(name) for name in ("model", "revision", "manifest_sha256"))
    if (
        not (isinstance(model, str) and isinstance(revision, str) and isinstance(digest, str))
        or not (_MODEL.fullmatch(model) and _REVISION.fullmatch(revision) and DIGEST_PATTERN.fullmatch(digest))
        or ".." in model
    ):
        return  # what it names cannot be asked for
    place = f"/hub/{model}/resolve/{revision}/provenance/manifest.json"
    _want(mirror, [digest], place)


def _manifest(source: Source, document: MirroredDocument) -> str:
    found = source.get(document.place)
    if len(found) > MANIFEST_BYTES_MAX:
        raise SourceError("too_large", f"a manifest of {len(found)} bytes")
    digest = hashlib.sha256(found).hexdigest()
    if digest != document.sha256:
        raise _NotWhatItSays(f"what came has the digest {digest}")
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise _NotWhatItSays("what came is no text") from error


def _want(mirror: Mirror, digests: Iterable[str], place: str = "") -> None:
    MirroredDocument.objects.bulk_create(
        (
            MirroredDocument(mirror=mirror, sha256=digest, place=place)
            for digest in dict.fromkeys(digests)
            if DIGEST_PATTERN.fullmatch(digest)
        ),
        ignore_conflicts=True,
    )
