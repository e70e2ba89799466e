"""A community, the chain of its charters, and its councils."""

from collections.abc import Iterator

from governance.fsck.finding import Finding, against_record, announced, compare, finding, guarded, seconds, unclaimed
from governance.models import Community, Council, Proposal, Record

TABLE = "governance_community"


def check_community(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the row of a community, its charters and its councils."""
    body = {
        "slug": community.slug,
        "name": {"en": community.name_en, "fr": community.name_fr},
        "instance": community.instance,
        "chain_id": community.chain_id,
        "token": community.token,
        "release_key": {"algorithm": "ed25519", "public_key": community.release_key},
    }
    record, subject = community.record, f"community:{community.slug}"
    parents = record.value.parents
    yield from against_record(community, record, "community", subject, body, parents)
    founding = community.events.filter(kind="community_founded").values_list("pk", "data")
    expected = {"record": record.digest, "charter": parents[0] if len(parents) == 1 else "one charter"}
    if len(founding) != 1:
        yield finding("governance_event", community.slug, "community_founded", "one event", len(founding))
    for key, data in founding:
        yield from compare("governance_event", key, expected, data)
    yield from guarded("governance_record", subject, _check_charters(community, parents[0]))
    yield from guarded("governance_council", community.slug, _check_councils(community))


def _check_charters(community: Community, founding: str) -> Iterator[Finding]:
    """Each charter after the first was adopted by the execution of a vote on exactly this charter."""
    kinds = ("charter_adopted",)
    adopted = announced(community, "charter", *kinds)
    votes = _executed(community, "governance_rules")
    in_force = list(adopted)[-1] if adopted else founding
    if community.charter_id != in_force:
        yield finding(TABLE, community.pk, "charter", in_force, community.charter_id)
    subject = f"charter:{community.slug}"
    for record in Record.objects.filter(kind="charter", subject=subject).order_by("digest"):
        if record.digest == founding:
            continue
        event = adopted.pop(record.digest, None)
        if event is None:
            yield finding("governance_record", record.digest, "charter", "an event charter_adopted", "none")
        proposal = votes.pop("".join(record.value.parents), None)
        voted = proposal.record.body["payload"]["charter"] if proposal and proposal.record else None
        if voted != record.body:
            yield finding("governance_record", record.digest, "charter", "what was voted on", "something else")
    for proposal in votes.values():
        yield finding("governance_proposal", proposal.pk, "charter", "a charter that it put in force", "none")
    yield from unclaimed(adopted, community, "charter", *kinds)


def _check_councils(community: Community) -> Iterator[Finding]:
    """Each council was elected: by the execution of an election, at that moment, from its candidates."""
    kinds = ("council_elected",)
    elected, votes = announced(community, "council", *kinds), _executed(community, "council_election")
    for council in community.councils.select_related("record").order_by("pk"):
        yield from guarded("governance_council", council.pk, _check_council(community, council))
        if elected.pop(council.record_id, None) is None:
            yield finding("governance_council", council.pk, "record", "an event council_elected", "none")
        proposal = votes.pop("".join(council.record.value.parents), None)
        if proposal is None or proposal.executed_at != council.elected_at:
            moment = proposal.executed_at if proposal else "the execution of an election"
            yield finding("governance_council", council.pk, "elected_at", moment, council.elected_at)
    for proposal in votes.values():
        yield finding("governance_proposal", proposal.pk, "council", "a council that it elected", "none")
    yield from unclaimed(elected, community, "council", *kinds)


def _check_council(community: Community, council: Council) -> Iterator[Finding]:
    body = {
        "members": council.members,
        "elected_at": seconds(council.elected_at),
        "term_ends_at": seconds(council.term_ends_at),
    }
    parents = council.record.value.parents
    yield from against_record(council, council.record, "council", f"council:{community.slug}", body, parents)


def _executed(community: Community, kind: str) -> dict[str, Proposal]:
    """Return the executed proposals of a kind by the digest of their execution."""
    found = community.proposals.filter(kind=kind, executed_at__isnull=False).select_related("record")
    return {str(proposal.execution_record_id): proposal for proposal in found}
