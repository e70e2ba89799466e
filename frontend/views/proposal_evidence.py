"""Answers: what do we know about this proposal. Trials, answers without names, measures, scans, rules it may break."""

from secrets import token_hex

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend.blind import Blind, blind, taken
from frontend.views.asked import plain, viewer
from frontend.views.policy_replays import replay_section
from frontend.views.previews import section
from governance import selectors
from governance.clock import now
from governance.kinds import kind_named
from governance.lifecycle import TERMINAL
from models_registry import notices
from models_registry.constitution import selectors as constitution
from models_registry.datasets import selectors as datasets
from training_jobs import recipe_changes
from training_jobs import selectors as training
from training_jobs.previews import selectors as previews

# The names of the answers in the report of a preview and of a trial: what was, and what is proposed.
_SIDES = {False: ("base", "result"), True: ("without", "with")}


def evidence(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show all that was tried and measured before a vote, and a comparison that hides whose answer is whose."""
    moment = now()
    shown = selectors.proposal_detail(slug, number, moment, viewer(request), with_ballots=False)
    proposal = shown.proposal
    ended = shown.state in TERMINAL
    made = section(request, proposal)
    context = {
        "community": shown.community,
        "tab": "proposals",
        "section": "evidence",
        "shown": shown,
        "proposal": proposal,
        "kind": kind_named(proposal.kind),
        "decimals": shown.results.decimals,
        "recipe": recipe_changes.against_base(proposal),
        "outlook": [] if ended else constitution.outlook(proposal),
        "clashes": [] if ended else constitution.clashes_with(proposal),
        "scanned": datasets.scanned_for(proposal),
        "discussed": notices.told_of(proposal, moment),
        "run": training.run_of(proposal, moment),
        "blind": _blind(request, made.get("preview_shown")),
        "fresh_seed": token_hex(4),
        **made,
        **replay_section(proposal),
    }
    return render(request, "pages/proposal_evidence.html", context)


def _blind(request: HttpRequest, report: previews.Shown | None) -> Blind | None:
    """Return the comparison as far as the address says; nothing without a report with answers."""
    if report is None:
        return None
    before, after = _SIDES[report.preview.is_trial]
    picks = plain(request, "picks") if plain(request, "of") in {"", str(report.preview.pk)} else ""
    answers = report.report.get("answers", ())
    return blind(answers, before, after, plain(request, "seed"), taken(picks, plain(request, "pick")))
