"""Answers: what is being decided, and how does it stand."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import ballots, cards, decision_filters, words
from frontend.charts import votes
from frontend.views.asked import page_number, plain, viewer
from frontend.views.policy_replays import replay_section
from frontend.views.previews import section
from frontend.views.told_before import told_before
from frontend.words.passing import Passing, earliest
from frontend.words.stands import stands
from governance import selectors
from governance.anchoring.told import told_of
from governance.clock import now
from governance.kinds import ProposalKind, kind_named
from governance.lifecycle import TERMINAL
from governance.onchain.promised import numbers_of
from governance.onchain.shown import shown_of
from governance.statements import selectors as consultations
from governance.wallets.selectors import waiting_count
from models_registry import selectors as registry
from models_registry.constitution import selectors as constitution
from models_registry.datasets import selectors as datasets
from training_jobs import selectors as training
from training_jobs.promised import promises_of
from training_jobs.reviews import selectors as reviews


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List proposals; filters stand in the address so that a list can be shared."""
    community = selectors.community_named(slug)
    asked, moment = decision_filters.asked(request, community), now()
    found = selectors.proposals(community, moment, asked.wanted, viewer(request), page_number(request))
    return render(
        request,
        "pages/proposals.html",
        {
            "community": community,
            "tab": "proposals",
            "found": found,
            **decision_filters.shown(asked, community, moment, viewer(request)),
        },
    )


def detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show one proposal with everything a voter needs, and what became of it."""
    moment = now()
    context = _context(request, slug, number, moment)
    proposal, shown = context["proposal"], context["shown"]
    ended = shown.state in TERMINAL
    outlook = [] if ended else constitution.outlook(proposal)
    context |= {
        "section": "decision",
        "panel": ballots.panel(shown),
        **told_before(proposal, moment, ended=ended),
        "outlook": outlook,
        "may_break": sum(bool(one.notes) for one in outlook),
        "clashes": [] if ended else constitution.clashes_with(proposal),
        "scanned": datasets.scanned_for(proposal),
        "over_time": votes.over_time(shown, moment),
        "measured": training.measured_for(proposal, moment),
        "council": selectors.council_of(shown.community, moment),
        "consulted": consultations.about(proposal, moment),
        "shared_wallets": waiting_count(proposal),
        "card": cards.address(request, "site:proposal_card", slug, number),
        "anchor": told_of(proposal.tally_record_id),
        **ballots.asked_of(shown, plain(request, "voter"), viewer(request)),
        **section(request, proposal),
        **replay_section(proposal),
    }
    return render(request, "pages/proposal.html", context)


def results(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the part of the page that changes while a vote is open."""
    return render(request, "parts/proposal_live.html", _context(request, slug, number, now(), with_ballots=False))


def _held_up_reason(shown: selectors.ProposalDetail) -> str:
    """Say why a step is held up; empty when none is."""
    if shown.held_up is None:
        return ""
    data = shown.held_up.data
    code = data.get("code", shown.held_up.kind)
    return words.refusal(code, data.get("detail", code.replace("_", " ")))


def _context(
    request: HttpRequest, slug: str, number: int, moment: datetime, *, with_ballots: bool = True
) -> dict[str, Any]:
    shown = selectors.proposal_detail(slug, number, moment, viewer(request), with_ballots=with_ballots)
    proposal = shown.proposal
    kind, run = kind_named(proposal.kind), training.run_of(proposal, moment)
    sealed = selectors.sealed(proposal, moment, viewer(request))
    contract = shown_of(proposal, moment)
    return {
        "community": shown.community,
        "tab": "proposals",
        "shown": shown,
        "held_up_reason": _held_up_reason(shown),
        "proposal": proposal,
        "kind": kind,
        "passing": _passing(shown, kind),
        "facts": kind.facts(proposal.payload),
        "live": shown.state not in TERMINAL,
        "stands": _stands(shown, plain(request, "told")),
        "sealed": sealed,
        "contract": contract,
        "governor_numbers": numbers_of(proposal.community) if contract else None,
        "missing": selectors.missing(shown) if shown.may_vote and sealed is None else [],
        "run": run,
        "promises": promises_of(proposal, run.run if run else None),
        "review": reviews.review_of(run.run, moment) if run else None,
        "effects": registry.effects_of(proposal),
        "decimals": shown.results.decimals,
    }


def _stands(shown: selectors.ProposalDetail, told: str) -> dict[str, Any]:
    """Return how the vote stands in a sentence, and whether it is another one than that which the page has told."""
    says = str(stands(shown.results, shown.state))
    key = sha256(says.encode()).hexdigest()[:12]
    return {"says": says, "key": key, "is_new": key != told}


def _passing(shown: selectors.ProposalDetail, kind: ProposalKind) -> Passing:
    """Return the facts of the one sentence on top."""
    proposal = shown.proposal
    at = earliest(shown.state, proposal.closes_at, proposal.eta, proposal.executed_at, shown.rules)
    early = bool(shown.rules.super_quorum_bps) and proposal.passed is None
    return Passing(shown.state, kind.describe(proposal.payload), at, kind.cost(proposal.payload), may_close_early=early)
