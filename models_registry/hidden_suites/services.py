"""What changes a hidden suite: somebody commits to it, and its keeper opens it for the models that were fixed before.

Nothing of the rows is stored until the opening: the keeper has them, and this site could show nothing if it wanted to.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from governance.clock import unix, whole_second
from governance.errors import Conflict, Forbidden, Invalid, Unavailable
from governance.models import Community, Record
from governance.records import keep
from governance.services import note, require_standing
from models_registry.datasets import registering
from models_registry.datasets.boxed import StorageFailed, Taken, read_and_scan
from models_registry.datasets.kinds import OF_ROLE
from models_registry.datasets.registering import NewDataset
from models_registry.datasets.rows import LANGUAGES, Limits
from models_registry.hidden_suites.commitment import is_digest, opens
from models_registry.models import Dataset, HiddenSuite, SuiteOpening

HOUR_SECONDS = 3600
# How long a keeper may have at least and at most: a run waits for them.
OPENS_WITHIN_SECONDS = (HOUR_SECONDS, 30 * 24 * HOUR_SECONDS)
# So many of one keeper may be closed at a time.
CLOSED_MAX = 20
FILE_NAME = "rows.jsonl"
SLUG_HEX_DIGITS = 12


@dataclass(frozen=True)
class NewSuite:
    """What whoever commits to a suite says of it. All of it but the title and the time is bound by the commitment."""

    commitment: str
    title: str
    kind: str
    records: int
    languages: Sequence[str]
    license: str
    opens_within_seconds: int


def commit(community: Community, keeper: str, new: NewSuite, now: datetime) -> tuple[HiddenSuite, bool]:
    """Keep the commitment to a suite; return it, and whether it is new. The same one again changes nothing.

    It decides nothing: a vote on a rule that names it does. It takes the power that proposing a rule takes.
    """
    require_standing(community, keeper, "ethics_rule")
    _require_form(new)
    with transaction.atomic():
        mine = HiddenSuite.objects.select_for_update().filter(community=community)
        known = mine.filter(commitment=new.commitment).first()
        if known is not None:
            return _same(known, keeper, new), False
        if mine.closed().filter(keeper=keeper).count() >= CLOSED_MAX:
            raise Forbidden("too_many_suites", "open some of your hidden suites first", allowed=CLOSED_MAX)
        committed_at = whole_second(now)
        body = {
            "commitment": new.commitment,
            "title": new.title,
            "kind": new.kind,
            "records": new.records,
            "languages": sorted(new.languages),
            "license": new.license,
            "keeper": keeper,
            "opens_within_seconds": new.opens_within_seconds,
            "committed_at": unix(committed_at),
        }
        record = keep("commitment", f"commitment:{new.commitment}", body, [community.record])
        suite = HiddenSuite.objects.create(
            community=community,
            record=record,
            **{name: value for name, value in body.items() if name != "committed_at"},
            committed_at=committed_at,
        )
        said = {"suite": suite.commitment, "record": record.digest}
        note("suite_committed", now, community=community, actor=keeper, **said)
    return suite, True


def require_closed(suite: HiddenSuite, actor: str) -> None:
    """Raise unless this account keeps the suite, and nobody has opened it yet."""
    if suite.keeper.lower() != actor.lower():
        raise Forbidden("not_the_keeper", "only whoever keeps a hidden suite opens it", found=actor)
    if suite.opened_at is not None:
        raise Conflict("already_opened", "this suite is open already: a suite is hidden once")


@contextmanager
def read_rows(suite: HiddenSuite, actor: str, salt: str, stream: BinaryIO) -> Iterator[Taken]:
    """Lend the rows that a keeper sent, in canonical form and scanned, if they are what was committed; keep nothing.

    1. The rows are read and scanned as those of any dataset. 2. Rows and salt are what was committed. 3. Nobody could
    have seen these rows on this site before.
    """
    require_closed(suite, actor)
    if not is_digest(salt):
        detail = "the salt is 64 lower-case hex digits, as they were when the suite was committed"
        raise Invalid("malformed_salt", detail, field="salt", found=salt[:80])
    with registering.work_folder() as sent, registering.work_folder() as folder:
        file = sent / FILE_NAME
        registering.store_stream(stream, file)
        taken = _read(suite, file, folder)  # 1
        if not opens(suite.record.body, taken.digest, salt):  # 2
            detail = "these rows with this salt are not what was committed; nothing was changed"
            found = f"{taken.records} rows with the digest {taken.digest}"
            raise Invalid("opening_differs", detail, field="file", found=found, allowed=suite.commitment)
        if Dataset.objects.filter(digest=taken.digest).exists():  # 3
            detail = "these rows were registered as a dataset before; what everybody could see was not hidden"
            raise Conflict("suite_was_public", detail, field="file", found=taken.digest)
        yield taken


def keep_opening(
    suite: HiddenSuite, actor: str, taken: Taken, salt: str, run_records: Sequence[Record], now: datetime
) -> Dataset:
    """Show a suite whose rows were read, with one record for each run whose model waits for it.

    Runs inside the caller's transaction, which has seen that these runs wait for this suite at this moment.
    """
    locked = HiddenSuite.objects.select_for_update().select_related("community", "record").get(pk=suite.pk)
    require_closed(locked, actor)
    dataset, new = registering.keep_taken(locked.community, actor, _as_dataset(locked), taken, now)
    if not new:
        raise Conflict("suite_was_public", "these rows were registered meanwhile", field="file", found=taken.digest)
    opened_at = whole_second(now)
    body = {"commitment": locked.commitment, "digest": taken.digest, "salt": salt, "opened_at": unix(opened_at)}
    for run_record in run_records:
        subject = f"opening:{locked.commitment}/{run_record.digest}"
        record = keep("opening", subject, body, [locked.record, run_record])
        SuiteOpening.objects.create(suite=locked, run_record=run_record, record=record)
    locked.opened_at, locked.dataset = opened_at, dataset
    locked.save(update_fields=["opened_at", "dataset"])
    runs = [run_record.digest for run_record in run_records]
    said = {"suite": locked.commitment, "dataset": dataset.digest, "runs": runs}
    note("suite_opened", now, community=locked.community, actor=actor, **said)
    return dataset


def _read(suite: HiddenSuite, file: Path, folder: Path) -> Taken:
    wanted = registering.wanted(suite.community, _as_dataset(suite), [(FILE_NAME, file)])
    try:
        return read_and_scan(wanted, folder, registering.box(settings.DATASET_REQUEST_SECONDS))
    except StorageFailed as error:
        raise Unavailable("storage_failed", "there is no room to read the file in; nothing was changed") from error


def _as_dataset(suite: HiddenSuite) -> NewDataset:
    slug = f"hidden-{suite.commitment[:SLUG_HEX_DIGITS]}"
    return NewDataset(slug=slug, title=suite.title, license=suite.license, role="evaluation", file_name=FILE_NAME)


def _same(known: HiddenSuite, keeper: str, new: NewSuite) -> HiddenSuite:
    """Return a suite that was committed before, if the same was said of it by the same keeper."""
    said = {name: value for name, value in known.record.body.items() if name not in {"keeper", "committed_at"}}
    if known.keeper != keeper or said != {**asdict(new), "languages": sorted(new.languages)}:
        raise Conflict("already_committed", "something else was said of this commitment before", found=new.commitment)
    return known


def _require_form(new: NewSuite) -> None:
    """Raise Invalid for what no suite could be."""
    if not is_digest(new.commitment):
        detail = "a commitment is 64 lower-case hex digits"
        raise Invalid("malformed_commitment", detail, field="commitment", found=new.commitment[:80])
    if not new.title.strip() or "\x00" in new.title:
        raise Invalid("malformed_field", "a suite has a title", field="title")
    if new.kind not in OF_ROLE["evaluation"]:
        detail = "nothing is measured on such rows"
        raise Invalid("rows_do_not_fit", detail, field="kind", found=new.kind, allowed=list(OF_ROLE["evaluation"]))
    if not 1 <= new.records <= Limits().records_max:
        detail = f"a suite has 1 to {Limits().records_max} rows"
        allowed = [1, Limits().records_max]
        raise Invalid("value_out_of_range", detail, field="records", found=new.records, allowed=allowed)
    if not new.languages or set(new.languages) - set(LANGUAGES) or len(set(new.languages)) != len(new.languages):
        detail = "the languages of the rows, each once"
        raise Invalid("malformed_field", detail, field="languages", found=list(new.languages), allowed=list(LANGUAGES))
    least, most = OPENS_WITHIN_SECONDS
    if not least <= new.opens_within_seconds <= most:
        raise Invalid(
            "value_out_of_range",
            f"from {least} to {most} seconds",
            field="opens_within_seconds",
            found=new.opens_within_seconds,
            allowed=[least, most],
        )
