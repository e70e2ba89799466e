"""Answers: who voted how and why, and who has not. The same rows as files; results as files, too."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from frontend import result_tables, tables
from frontend.result_tables import votes as _votes
from frontend.views.asked import page_number, plain, viewer
from governance import selectors
from governance.choices import text_of
from governance.clock import now
from governance.kinds import kind_named
from governance.selectors import voters as lists

_BALLOTS = ("voter", "name", "choice", "ballot", "votes", "lent", "share_bps", "reason", "cast_at", "receipt")
_ABSENT = ("voter", "name", "votes", "house_votes", "lent_to_voters")
_RESULTS = ("part", "name", "votes", "share_bps", "won", "needed", "holds")


def voters(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show one page of the list that is asked for; everything asked stands in the address."""
    shown = selectors.proposal_detail(slug, number, now(), with_ballots=False)
    wanted = _wanted(request)
    found = lists.voters(shown.proposal, shown.results, wanted, viewer(request))
    context = {
        "community": shown.community,
        "tab": "proposals",
        "section": "voters",
        "shown": shown,
        "proposal": shown.proposal,
        "kind": kind_named(shown.proposal.kind),
        "found": found,
        "wanted": wanted,
        "turnout": lists.turnout(shown.proposal, shown.results),
        "decimals": shown.results.decimals,
        "choices": [(place, name) for place, name in enumerate(shown.electorate.terms.choices, 1)],
    }
    return render(request, "pages/voters.html", context)


def download(request: HttpRequest, slug: str, number: int, form: str) -> HttpResponseBase:
    """Answer with all rows of the list that is asked for, as far as a download goes."""
    shown = selectors.proposal_detail(slug, number, now(), with_ballots=False)
    wanted = _wanted(request)
    found, is_cut = lists.downloaded(shown.proposal, shown.results, wanted)
    name = f"{slug}-{number}-{'not-voted' if wanted.who == lists.MISSING else 'voters'}"
    rows = (_row(row, shown) for row in found)
    if form == "csv":
        return tables.csv_file(name, _ABSENT if wanted.who == lists.MISSING else _BALLOTS, rows)
    head = {"proposal": shown.proposal.public_id, "who": wanted.who, "as_of": _iso(now()), "is_complete": not is_cut}
    return tables.json_file(name, head, rows)


def results(_request: HttpRequest, slug: str, number: int, form: str) -> HttpResponseBase:
    """Answer with the results as a file: each choice, then each condition; as JSON with the tables below them."""
    shown = selectors.proposal_detail(slug, number, now(), with_ballots=False)
    found = shown.results
    rows = [
        {"part": "choice", "name": option.name, "votes": _votes(option.power, found.decimals),
         "share_bps": option.share_bps, "won": option.won, "needed": None, "holds": None}
        for option in found.options
    ]  # fmt: skip
    rows += [
        {"part": "condition", "name": each.condition, "votes": _found(each.found, each.condition, found),
         "share_bps": None, "won": None, "needed": _found(each.needed, each.condition, found), "holds": each.holds}
        for each in found.conditions
    ]  # fmt: skip
    name = f"{slug}-{number}-results"
    if form == "csv":
        return tables.csv_file(name, _RESULTS, rows)
    head = {
        "proposal": shown.proposal.public_id, "method": shown.method.name, "is_final": found.final,
        "passed": found.passed, "ballots": found.ballot_count, "cast": _votes(found.cast, found.decimals),
        "winners": list(found.winners), "is_sealed": found.sealed, **result_tables.nested(shown, now()),
    }  # fmt: skip
    return tables.json_file(name, head, rows)


def results_table(_request: HttpRequest, slug: str, number: int, table: str) -> HttpResponseBase:
    """Answer with one of the tables below the results as CSV; it has no rows where the page has no such table."""
    moment = now()
    shown = selectors.proposal_detail(slug, number, moment, with_ballots=False)
    rows = result_tables.rows(table, shown, moment)
    return tables.csv_file(f"{slug}-{number}-{table}", result_tables.COLUMNS[table], rows)


def _wanted(request: HttpRequest) -> lists.Wanted:
    """Read what is asked for; nonsense is read as the least."""
    choice = plain(request, "choice")
    return lists.Wanted(
        who=lists.MISSING if plain(request, "who") == lists.MISSING else lists.VOTED,
        search=plain(request, "search"),
        choice=int(choice) if choice.isascii() and choice.isdigit() and len(choice) <= 4 else 0,  # noqa: PLR2004 - choices
        reasons=plain(request, "reasons") == "1",
        sort=lists.BY_DATE if plain(request, "sort") == lists.BY_DATE else lists.BY_VOTES,
        page=page_number(request),
    )


def _row(row: lists.BallotRow | lists.AbsentRow, shown: selectors.ProposalDetail) -> Mapping[str, Any]:
    decimals, terms = shown.results.decimals, shown.electorate.terms
    if isinstance(row, lists.AbsentRow):
        return {
            "voter": row.voter, "name": row.voter_name, "votes": _votes(row.power, decimals),
            "house_votes": _votes(row.house_power, shown.results.house_decimals),
            "lent_to_voters": " ".join(address for address, _name in row.delegates),
        }  # fmt: skip
    ballot = row.ballot
    return {
        "voter": ballot.voter, "name": row.voter_name, "choice": text_of(terms.method, terms.choices, ballot.choice),
        "ballot": _json(ballot.choice), "votes": _votes(row.weight, decimals),
        "lent": _votes(row.weight - int(ballot.power), decimals), "share_bps": row.share_bps, "reason": ballot.reason,
        "cast_at": _iso(ballot.cast_at), "receipt": ballot.record_id,
    }  # fmt: skip


def _found(value: int, condition: str, found: selectors.Results) -> str:
    """Return a number of a condition: of `winner` it counts choices, of `objection` the second house."""
    if condition == "winner":
        return str(value)
    return _votes(value, found.house_decimals if condition == "objection" else found.decimals)


def _json(choice: object) -> str:
    return json.dumps(choice, separators=(",", ":"), ensure_ascii=False)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
