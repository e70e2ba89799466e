"""What a record of each kind holds: the exact keys of its body, their form, and its parents. Pure.

A version 1 record has these keys and no others. Whether what a record says is *true* is judged by `verify`.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from governance.evidence.record import Record
from governance.evidence.signing import ALGORITHM, is_usable_public_key
from models_registry.datasets.kinds import KINDS
from models_registry.duties.tasks import FINDINGS
from models_registry.duties.tasks import KEYS as DUTY_KEYS
from models_registry.gates import JUDGED, SEVERITIES
from models_registry.hidden_suites.commitment import names_a_suite
from models_registry.provenance.manifest import check_entries
from models_registry.rights.lifecycle import FOLLOW_UPS
from models_registry.rights.sources import CONSENT, RECORDED

Form = Callable[[object], str | None]  # says what is wrong, or nothing
VERSION = 1
MANY = 10_000
GUARDIANS_MAX = 16
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_POWER = re.compile(r"0|[1-9][0-9]{0,77}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SCORE = re.compile(r"(?:0|[1-9][0-9]*)(?:/[1-9][0-9]*)?")
_HEX32 = re.compile(r"0x[0-9a-f]{64}")
_HEX40 = re.compile(r"[0-9a-f]{40}")


def _matches(pattern: re.Pattern[str], words: str) -> Form:
    return lambda value: None if isinstance(value, str) and pattern.fullmatch(value) else f"is not {words}"


def text(value: object) -> str | None:
    """Accept any text."""
    return None if isinstance(value, str) else "is not text"


def count(value: object) -> str | None:
    """Accept an integer of at least zero: numbers, sizes, UNIX seconds."""
    return None if type(value) is int and value >= 0 else "is not an integer of at least 0"


def boolean(value: object) -> str | None:
    """Accept true or false."""
    return None if isinstance(value, bool) else "is not true or false"


def anything(value: object) -> str | None:
    """Accept any JSON object; whoever owns it says more."""
    return None if isinstance(value, dict) else "is not an object"


def choice(value: object) -> str | None:
    """Accept what a ballot may say: a number, a list or a map. Whether it can be counted, the method says."""
    return None if type(value) is int or isinstance(value, list | dict) else "is not a number, a list or a map"


def one_of(*allowed: str) -> Form:
    """Accept one of these words."""
    return lambda value: None if isinstance(value, str) and value in allowed else f"is not one of {', '.join(allowed)}"


def or_null(form: Form) -> Form:
    """Accept this form, or null."""
    return lambda value: None if value is None else form(value)


def keys(**forms: Form) -> Form:
    """Accept an object with exactly these keys."""

    def form(value: object) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        if set(value) != set(forms):
            missing, unknown = sorted(set(forms) - set(value)), sorted(set(value) - set(forms))
            unknown_keys = ", ".join(map(str, unknown)) or "any other"
            return f"lacks {', '.join(missing) or 'no key'} and should not have {unknown_keys}"
        return _first((f"{name}", each(value[name])) for name, each in forms.items())

    return form


def every(form: Form) -> Form:
    """Accept a list in which each item has this form."""

    def check(value: object) -> str | None:
        if not isinstance(value, list):
            return "is not a list"
        return _first((f"[{index}]", form(item)) for index, item in enumerate(value))

    return check


def table(form: Form) -> Form:
    """Accept an object whose values all have this form, under any keys."""

    def check(value: object) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        return _first((str(name), form(item)) for name, item in value.items())

    return check


def at_least_keys(**forms: Form) -> Form:
    """Accept an object with these keys and maybe others, where another part of the project owns the rest."""

    def check(value: object) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        missing = sorted(set(forms) - set(value))
        if missing:
            return f"lacks {', '.join(missing)}"
        return _first((name, form(value[name])) for name, form in forms.items())

    return check


def _first(results: Iterator[tuple[str, str | None]]) -> str | None:
    return next((f"{name} {wrong}" for name, wrong in results if wrong), None)


def _release_key(value: object) -> str | None:
    return keys(algorithm=one_of(ALGORITHM), public_key=_usable_key)(value)


def keys_in_force(value: object) -> str | None:
    """Accept the keys of a community: usable, each once, none revoked, and as many guardians as the threshold asks."""
    wrong = keys(
        guardians=every(keys(name=text, public_key=_usable_key)),
        release_key=_release_key,
        revoked=every(keys(public_key=_usable_key, reason=text)),
        threshold=count,
    )(value)
    if wrong is not None or not isinstance(value, dict):
        return wrong
    guardians = [guardian["public_key"] for guardian in value["guardians"]]
    if not value["threshold"] <= len(guardians) <= GUARDIANS_MAX:
        return f"threshold asks for {value['threshold']} of {len(guardians)} guardians (at most {GUARDIANS_MAX})"
    used = [value["release_key"]["public_key"], *guardians, *(entry["public_key"] for entry in value["revoked"])]
    return None if len(set(used)) == len(used) else "names one key twice; a revoked key is in force no more"


def _usable_key(value: object) -> str | None:
    return None if is_usable_public_key(value) else "is not a usable Ed25519 public key (64 lower-case hex characters)"


def _artifact(value: object) -> str | None:
    problems = check_entries(value, "artifact")
    return f"{problems[0].place}: {problems[0].detail}" if problems else None


digest = _matches(_DIGEST, "a digest (64 lower-case hex characters)")
power = _matches(_POWER, "a whole number as text")
address = _matches(_ADDRESS, "an address")
slug = _matches(_SLUG, "a slug (letters, digits, hyphens and underscores)")


def suite_name(value: object) -> str | None:
    """Accept the digest of a suite, or `hidden:` and the commitment to one."""
    return None if names_a_suite(value) else "is no digest of a suite, and no commitment to one"


score = _matches(_SCORE, "a whole number or a fraction as text")
block_hash = _matches(_HEX32, "a block hash (0x and 64 lower-case hex characters)")
ratio = keys(numerator=lambda value: None if type(value) is int else "is not an integer", denominator=count)

# What was measured on one suite; `difference` is that of candidate less parent, sample by sample.
_MEASURED: Mapping[str, Form] = {
    "candidate": table(anything),
    "parent": table(anything),
    "difference": table(anything),
    "samples": count,
    "samples_sha256": digest,
}


def _by_digest(form: Form) -> Form:
    """Accept an object whose keys are digests and whose values all have this form."""

    def check(value: object) -> str | None:
        wrong = table(form)(value)
        names = value if isinstance(value, dict) else {}
        return wrong or _first((str(name), digest(name)) for name in names)

    return check


_SOURCE = keys(**dict.fromkeys(RECORDED, text) | {"consent": one_of(*CONSENT)})

rules = keys(
    quorum_bps=count,
    quorum_basis=text,
    quorum_votes=power,
    threshold_bps=count,
    support_bps=count,
    rejection_bps=count,
    super_quorum_bps=count,
    late_quorum_seconds=count,
    objection_bps=count,
    proposal_threshold=power,
    voting_delay_seconds=count,
    voting_period_seconds=count,
    timelock_seconds=count,
    execution_window_seconds=count,
    cool_down_seconds=count,
)
source = keys(name=text, version=lambda value: text(value) and count(value), parameters=anything)

BODIES: Mapping[str, Form] = {
    "charter": keys(
        tiers=table(rules),
        kinds=table(text),
        power=keys(source=text, parameters=anything),
        house=or_null(keys(name=keys(en=text, fr=text), source=text, parameters=anything)),
        council=keys(pause_seconds_max=count),
    ),
    "community": keys(
        slug=slug,
        name=keys(en=text, fr=text),
        instance=text,
        chain_id=count,
        token=address,
        release_key=_release_key,
    ),
    "proposal": keys(
        number=count,
        kind=text,
        tier=text,
        title=text,
        text=text,
        payload=anything,
        author=address,
        sponsors=every(keys(address=address, signature=text)),
        nonce=count,
        method=text,
        method_version=text,
        choices=every(text),
        seats=count,
        tie_rule=text,
        rules=rules,
        snapshot=keys(
            block_number=count,
            block_hash=block_hash,
            total_supply=power,
            source=source,
            house=or_null(keys(total=power, block_number=count, block_hash=block_hash, source=source)),
        ),
        submitted_at=count,
        opens_at=count,
        closes_at=count,
    ),
    "delegation": keys(
        delegator=address,
        delegate=address,
        topic=text,
        share_bps=count,
        expires_at=count,
        nonce=count,
        signature=text,
        made_at=count,
    ),
    "census": keys(
        root=digest,
        count=count,
        total=power,
        house_total=power,
        delegations_root=digest,
        delegation_count=count,
        opens_at=count,
        closes_at=count,
        computed_at=count,
    ),
    "ballot": keys(
        voter=address,
        choice=choice,
        reason=text,
        nonce=count,
        power=power,
        house_power=power,
        signature=text,
        cast_at=count,
    ),
    "tally": keys(
        method=text,
        choices=every(text),
        ballot_count=count,
        ballots_root=digest,
        totals=table(score),
        winners=every(text),
        invalid_count=count,
        cast=power,
        quorum_power=power,
        house=or_null(table(power)),
        closes_at=count,
        extended_by=or_null(digest),
        closed_early=boolean,
        closed_at=count,
    ),
    "decision": keys(
        passed=boolean,
        conditions=every(keys(condition=text, holds=boolean, found=text, needed=text)),
        decided_at=count,
        queued_at=or_null(count),
        eta=or_null(count),
        expires_at=or_null(count),
    ),
    "execution": keys(executed_at=count, kind=text),
    "dataset": keys(
        slug=slug,
        title=text,
        license=text,
        role=one_of("training", "evaluation"),
        kind=one_of(*KINDS),
        files=every(keys(path=text, size=count, sha256=digest)),
        digest=digest,
        records=count,
        records_root=digest,
        shards=every(keys(first=count, records=count, size=count, sha256=digest)),
        languages=every(text),
        scans=every(keys(scan=text, passed=boolean, found=count, detail=text)),
        sources=every(_SOURCE),
        contributors=every(keys(contributor=or_null(address), records=table(count), share=ratio)),
        contributions=or_null(digest),
        replaces=or_null(digest),
    ),
    # Whether contributors take their own rows back without a vote, and by when a version without them is due.
    "taking_back": keys(allowed=boolean, days=or_null(count)),
    # Records taken out of a dataset (null: all of them), what is left, and what follows for the models: by a vote, or
    # by the rule on taking back, where a contributor did (`taken_back`).
    "removal": keys(
        digest=digest,
        records=or_null(every(digest)),
        successor=or_null(digest),
        why=text,
        follow_up=keys(action=one_of(*FOLLOW_UPS), days=or_null(count), because=text),
        request=text,
        taken_back=or_null(keys(by=address, at=count)),
    ),
    "rule": keys(
        slug=slug,
        title=text,
        why=text,
        metric=or_null(text),
        suite=or_null(suite_name),
        scope=text,
        comparator=or_null(text),
        bound=or_null(ratio),
        judged=or_null(one_of(*JUDGED)),
        severity=one_of(*SEVERITIES),
        sunset=or_null(count),
        # what the rule asks of people in the place of a gate; `gates` says that it is one or the other
        duty=or_null(keys(**dict.fromkeys(DUTY_KEYS, count) | {"task": text})),
    ),
    # A suite that nobody may see yet: `hidden_suites.commitment` binds its rows and what is public of them.
    "commitment": keys(
        commitment=digest,
        title=text,
        kind=one_of(*KINDS),
        records=count,
        languages=every(text),
        license=text,
        keeper=address,
        opens_within_seconds=count,
        committed_at=count,
    ),
    # What it turned out to be, once the model that it measures was fixed: it rests on the run that made the model.
    "opening": keys(commitment=digest, digest=digest, salt=digest, opened_at=count),
    # A vote that releases a model although it breaks rules; `run` is the run's number.
    "override": keys(run=count, evaluation=digest, rules=every(slug), reason=text),
    # Who signs releases from then on; community.release_key does until there is such a record.
    "keys": keys_in_force,
    # The recipe belongs to training_jobs; here only what the checks read.
    "spec": at_least_keys(
        base=keys(
            model=text,
            revision=_matches(_HEX40, "a revision (40 lower-case hex characters)"),
            manifest_sha256=digest,
        ),
        datasets=every(at_least_keys(digest=digest, languages=every(text))),
        evaluation=keys(suite=digest),
        output=text,
    ),
    "run": keys(
        run=count,
        attempt=count,
        started_at=count,
        finished_at=count,
        steps=count,
        tokens=count,
        artifact=_artifact,
        code_digest=digest,
        environment=table(text),
        isolation=text,
        trace_sha256=digest,
    ),
    "evaluation": keys(
        suite=digest,
        **_MEASURED,
        further=_by_digest(keys(**_MEASURED)),
        # what people attested whom rules asked to look; null: nobody was asked
        review=or_null(
            keys(
                opened_at=count,
                executors=every(address),
                attestations=every(
                    keys(rule=slug, reviewer=address, finding=one_of(*FINDINGS), reason=text, at=count, signature=text)
                ),
            )
        ),
        verdict=keys(
            accepted=boolean,
            reasons=every(
                keys(
                    rule=text,
                    metric=text,
                    severity=one_of(*SEVERITIES),
                    binds=boolean,
                    holds=boolean,
                    found=text,
                    needed=text,
                )
            ),
        ),
    ),
    "release": keys(
        model=_matches(_MODEL, "<namespace>/<name>"),
        version=count,
        revision=_matches(_HEX40, "a revision (40 lower-case hex characters)"),
        manifest_sha256=digest,
        card_sha256=digest,
        released_at=count,
    ),
}

# kind → parent kind → (at least, at most)
PARENTS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    # The founding charter rests on nothing, a later one on the vote that changed the rules.
    "charter": {"execution": (0, 1)},
    "community": {"charter": (1, 1)},
    "proposal": {"community": (1, 1), "charter": (1, 1)},
    "delegation": {"community": (1, 1)},
    "census": {"proposal": (1, 1)},
    "ballot": {"proposal": (1, 1)},
    "tally": {"proposal": (1, 1), "census": (1, 1)},
    "decision": {"proposal": (1, 1), "tally": (1, 1)},
    "execution": {"decision": (1, 1)},
    # What a removal left of a dataset rests on that removal, too.
    "dataset": {"execution": (1, 1), "removal": (0, 1)},
    "taking_back": {"execution": (1, 1)},
    # One of the two that it can follow from, as `taken_back` says (`_removal_problem`).
    "removal": {"execution": (0, 1), "taking_back": (0, 1), "dataset": (1, 1)},
    # A rule that takes the place of an earlier one rests on that one, too.
    # One that is measured on a hidden suite rests on the commitment to it.
    "rule": {"execution": (1, 1), "rule": (0, 1), "commitment": (0, 1)},
    "commitment": {"community": (1, 1)},
    "opening": {"commitment": (1, 1), "run": (1, 1)},
    "override": {"execution": (1, 1), "evaluation": (1, 1)},
    "keys": {"execution": (1, 1)},
    "spec": {"execution": (1, 1), "dataset": (1, MANY), "rule": (1, MANY)},
    "run": {"spec": (1, 1)},
    "evaluation": {"run": (1, 1), "rule": (1, MANY), "opening": (0, MANY)},
    "release": {"run": (1, 1), "evaluation": (1, 1), "keys": (0, 1), "override": (0, 1)},
}


def body_problem(record: Record) -> str | None:
    """Say what is wrong with the kind, version or body of a record, or return nothing."""
    form = BODIES.get(record.kind)
    if form is None:
        return f"the kind {record.kind!r} is not known"
    if record.version != VERSION:
        return f"version {record.version} of {record.kind} is not known, only {VERSION}"
    wrong = form(record.body)
    return f"the body {wrong}" if wrong else None


def parents_problem(record: Record, records: Mapping[str, Record]) -> str | None:
    """Say what is wrong with the kinds of a record's parents (all are in `records`), or return nothing."""
    found: dict[str, int] = {}
    for parent in record.parents:
        kind = records[parent].kind
        found[kind] = found.get(kind, 0) + 1
    allowed = PARENTS[record.kind]
    for kind in sorted(set(found) - set(allowed)):
        return f"a {record.kind} does not rest on a {kind}"
    for kind, (least, most) in allowed.items():
        if not least <= found.get(kind, 0) <= most:
            demand = f"{least}{'' if least == most else ' or more'} {kind}"
            return f"a {record.kind} rests on {demand}, found {found.get(kind, 0)}"
    return _removal_problem(record, found) if record.kind == "removal" else None


def _removal_problem(record: Record, found: Mapping[str, int]) -> str | None:
    by_rule = record.body["taken_back"] is not None
    if (found.get("taking_back", 0), found.get("execution", 0)) == (int(by_rule), int(not by_rule)):
        return None
    return "a removal rests on a vote, or on the rule on taking back where a contributor took rows back"


def parent_of(record: Record, kind: str, records: Mapping[str, Record]) -> Record:
    """Return the one parent of this kind, of a record whose parents were checked."""
    return parents_of(record, kind, records)[0]


def parents_of(record: Record, kind: str, records: Mapping[str, Record]) -> list[Record]:
    """Return the parents of this kind, by digest."""
    return [records[parent] for parent in record.parents if records[parent].kind == kind]
