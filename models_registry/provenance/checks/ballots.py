"""Check 3: who could vote, who backed a proposal and who voted, each with their own power and signature. Pure.

Single lines are judged by `votes`; here is what they amount to.
"""

from governance import eip712
from governance.charter import draft_digest
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.votes import Vote, backers, checksummed, domain


def check_ballots(case: Case, answer: Answer) -> None:
    """3: each ballot is signed by its voter for this proposal, once, in time, with power from a census that adds up."""
    for vote in case.votes:
        _check_sums(vote)
        _check_supply(vote)
        _check_sponsors(vote)
        answer.problems += vote.problems
    answer.problems += case.line_problems
    ballots = sum(vote.ballot_count for vote in case.votes)
    members = sum(vote.census_count for vote in case.votes)
    delegations = sum(vote.delegation_count for vote in case.votes)
    answer.evidence = (
        f"{ballots} ballots of {members} members and {delegations} delegations, every signature recovered to its signer"
    )


def _check_sums(vote: Vote) -> None:
    """Compare the lines with the census record."""
    body = vote.census.body
    for name, found in (
        ("root", vote.census_root),
        ("count", vote.census_count),
        ("total", str(vote.total)),
        ("house_total", str(vote.house_total)),
    ):
        if body[name] != found:
            vote.fail("census_wrong", vote.place, f"{name} is {found} here, the census record says {body[name]}")
    for name, found in (
        ("delegations_root", vote.delegations_root),
        ("delegation_count", vote.delegation_count),
    ):
        if body[name] != found:
            vote.fail("delegations_wrong", vote.place, f"{name} is {found} here, the census record says {body[name]}")


def _check_supply(vote: Vote) -> None:
    """Compare the sums with the snapshot, and with the list of members where power comes from one."""
    snapshot = vote.proposal.body["snapshot"]
    house = snapshot["house"]
    for found, supply, listed in (
        (vote.total, int(snapshot["total_supply"]), vote.listed),
        (vote.house_total, int(house["total"]) if house else 0, vote.house_listed),
    ):
        if found > supply:
            vote.fail("supply_exceeded", vote.place, f"the census has {found}, more than the total supply {supply}")
        if listed is not None and not sum(listed.values()) == found == supply:
            detail = f"the census has {found} of a supply of {supply}, the list of members {sum(listed.values())}"
            vote.fail("power_wrong", vote.place, detail)


def _check_sponsors(vote: Vote) -> None:
    """See that author and sponsors, each once, had the power that proposing takes, and that the sponsors signed."""
    body = vote.proposal.body
    names = [name.lower() for name in backers(vote.proposal)]
    if len(set(names)) != len(names):
        vote.fail("sponsor_twice", vote.place, "somebody stands twice among the author and the sponsors")
    draft = f"0x{draft_digest(body)}"
    for sponsor in body["sponsors"]:
        try:
            signed = eip712.sponsorship_digest(
                **domain(vote.community.body), draft=draft, sponsor=checksummed(sponsor["address"])
            )
            eip712.verify(signed, sponsor["signature"], sponsor["address"])
        except eip712.Eip712Error as error:
            detail = f"{sponsor['address']} did not sponsor this draft: {error.detail}"
            vote.fail("signature_wrong", vote.place, detail)
    needed = int(body["rules"]["proposal_threshold"])
    if vote.sponsored < needed:
        vote.fail("threshold_missed", vote.place, f"author and sponsors have {vote.sponsored}, needed {needed}")
