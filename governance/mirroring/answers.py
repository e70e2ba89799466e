"""What is here of a mirrored community: how far and how fresh, what did not verify, and the documents themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from governance.errors import NotFound
from governance.evidence import log_tree
from governance.mirroring.tree import reader
from governance.models import Mirror, MirroredCheckpoint, MirroredDocument

REFUSED_SHOWN_MAX = 100
_State = MirroredDocument.State


@dataclass(frozen=True, slots=True)
class Shown:
    """A mirror, for its page. `fresh_at`: when the newest checkpoint was first seen."""

    mirror: Mirror
    checkpoint: MirroredCheckpoint | None
    forked: Sequence[MirroredCheckpoint]
    records: int
    manifests: Sequence[MirroredDocument]
    wanted: int
    absent: int
    refused: Sequence[MirroredDocument]
    refused_count: int

    @property
    def fresh_at(self) -> datetime | None:
        """Return since when nothing newer was seen; None: there is no checkpoint yet."""
        return self.checkpoint.seen_at if self.checkpoint else None


def mirror_named(slug: str) -> Mirror:
    """Return a mirror; raise NotFound."""
    found = Mirror.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound("unknown_mirror", "there is no such mirror here", field="mirror", found=slug)
    return found


def shown(slug: str) -> Shown:
    """Return what the page of a mirror says."""
    mirror = mirror_named(slug)
    documents = mirror.documents
    refused = documents.filter(state=_State.REFUSED).order_by("id")
    return Shown(
        mirror=mirror,
        checkpoint=newest_checkpoint(mirror),
        forked=tuple(mirror.checkpoints.filter(forked=True)[:REFUSED_SHOWN_MAX]),
        records=documents.filter(state=_State.KEPT, place="").count(),
        manifests=tuple(documents.filter(state=_State.KEPT).exclude(place="").order_by("place")[:REFUSED_SHOWN_MAX]),
        wanted=documents.filter(state=_State.WANTED).count(),
        absent=documents.filter(state=_State.ABSENT).count(),
        refused=tuple(refused[:REFUSED_SHOWN_MAX]),
        refused_count=refused.count(),
    )


def newest_checkpoint(mirror: Mirror) -> MirroredCheckpoint | None:
    """Return the newest checkpoint of which all entries are here."""
    return mirror.checkpoints.filter(forked=False, size__lte=mirror.size).first()


def entries(mirror: Mirror, start: int, count: int) -> list[str]:
    """Return the leaves from a position on."""
    return list(mirror.entries.filter(position__gte=start).order_by("position").values_list("leaf", flat=True)[:count])


def inclusion(mirror: Mirror, position: int, size: int) -> list[str]:
    """Return the proof that a position is in the tree of that size; raise NotFound for none."""
    if not 0 <= position < size <= mirror.size:
        raise NotFound("unknown_position", "the mirror has no such place", found=position, allowed=mirror.size)
    return log_tree.inclusion_proof(position, size, reader(mirror))


def consistency(mirror: Mirror, old: int, new: int) -> list[str]:
    """Return the proof that the tree of `new` entries begins with that of `old`; raise NotFound for no such trees."""
    if not 0 <= old <= new <= mirror.size:
        raise NotFound("unknown_size", "the mirror never was that large", found=new, allowed=mirror.size)
    return log_tree.consistency_proof(old, new, reader(mirror))


def record_text(mirror: Mirror, digest: str) -> str:
    """Return the canonical text of a record that verified; raise NotFound."""
    return _kept(mirror, "unknown_record", sha256=digest, place="")


def manifest_text(mirror: Mirror, place: str) -> str:
    """Return the manifest of a release that verified, by its place at the other site; raise NotFound."""
    return _kept(mirror, "unknown_release", place=place)


def _kept(mirror: Mirror, code: str, **which: str) -> str:
    found = mirror.documents.filter(state=_State.KEPT, **which).first()
    if found is None:
        raise NotFound(code, "the mirror has no such document, or none that verified")
    return found.text
