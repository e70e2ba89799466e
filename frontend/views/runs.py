"""Answers: what is the machine doing, and what did the rules say of the result."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from frontend import measured_tables, streams, tables, words
from frontend.charts import run_charts, spark, table_of
from frontend.views.asked import page_number, plain, viewer
from frontend.words import waiting
from governance import selectors as governance
from governance.clock import now
from governance.errors import NotFound
from governance.evidence.canonical import strict_loads
from models_registry import release_keys
from models_registry.waiting_views import SignatureInput
from training_jobs import run_lists, selectors, series_export, services, spec_words
from training_jobs.before_vote import compared_with
from training_jobs.commons import asking_more, ceilings, timetable
from training_jobs.commons.lifecycle import State
from training_jobs.models import Run
from training_jobs.pulse import pulse_of, rest
from training_jobs.reviews import selectors as reviews
from training_jobs.scheduling.values import Why
from training_jobs.spec import from_payload

SIGNATURE_BYTES_MAX = 2_000


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the runs of a community; filters stand in the address so that a list can be shared."""
    community = governance.community_named(slug)
    wanted = {name: plain(request, name) for name in ("state", "model")}
    found = run_lists.runs_page(community, now(), **wanted, page=page_number(request))
    context = {
        "community": community,
        "tab": "runs",
        "found": found,
        "rows": [(one, spark(one.losses)) for one in found.rows],
        "wanted": wanted,
        "filtered": any(wanted.values()),
        "states": [(state, words.word("run_state", state).label) for state in run_lists.states()],
    }
    return render(request, "pages/runs.html", context)


def detail(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show one run."""
    context = _context(run_id, viewer(request))
    approved = from_payload(context["shown"].spec).to_dict()
    run, computing = context["run"], _computing(context["run"])
    more = {"particulars": spec_words.particulars(approved), "computing": computing, "estimated": compared_with(run)}
    more |= {"raises": ceilings.raises_of(run)}
    if any(each.row.wait is not None and each.row.wait.why is Why.TOO_DEAR for each, _says in computing):
        ceiling = ceilings.of(run)
        if ceiling is not None:
            more |= {"ceiling": ceiling, "more_money": asking_more.suggested(ceiling)}
            more |= {"votes_on_more": asking_more.votes_on(run, now())}
    return render(request, "pages/run.html", context | more)


def review(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show what reviewers of a run are asked to read, what they said, and the form to sign."""
    found, who = reviews.review(run_id, now()), viewer(request)
    context = {"community": found.run.community, "tab": "runs", "review": found, "run": found.run}
    parts = [_duty(found, asked, who) for asked in found.duties]
    return render(request, "pages/review.html", context | {"parts": parts, "kept_out": reviews.may_review(found, who)})


def _duty(found: reviews.Review, asked: reviews.AskedOf, who: str) -> dict[str, Any]:
    """Return what the page shows of one duty; samples that are not kept are said to be lost."""
    signed = who in {one.reviewer for one in asked.attested}
    part = {"asked": asked, "open": found.waits_for(asked), "signed": signed, "samples": [], "lost": False}
    try:
        return part | {"samples": reviews.samples_of(asked)}
    except NotFound:
        return part | {"lost": True}


def live(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the part of the page that changes while a run is at work."""
    return render(request, "parts/run_live.html", _context(run_id, viewer(request)))


@require_GET
def events(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Say when a run changes, as long as somebody listens."""
    return streams.answer(request, lambda: pulse_of(run_id, now()), rest)


@require_safe
def series(_request: HttpRequest, run_id: int, form: str) -> HttpResponse:
    """Hand out all that a run said step by step, as a file."""
    found = series_export.series_numbered(run_id)
    if form == "json":
        return JsonResponse(series_export.as_json(found))
    answer = HttpResponse(series_export.as_csv(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="run-{run_id}-series.csv"'
    return answer


@require_safe
def measured(request: HttpRequest, run_id: int, form: str) -> HttpResponseBase:
    """Hand out what was measured of a run and what each rule said of it, as a file."""
    shown = selectors.run_detail(run_id, now(), viewer(request))
    name = f"run-{run_id}-measured"
    if form == "json":
        gates, measures = measured_tables.gates(shown.gates), measured_tables.measures(shown.measures)
        return tables.json_file(name, {"run": run_id, "verdict": shown.run.verdict, "gates": gates}, measures)
    rows = measured_tables.of_run(shown.gates, shown.measures)
    return tables.csv_file(name, measured_tables.RUN_COLUMNS, rows)


@login_required
@require_POST
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Stop a run for good, as the author of its proposal."""
    services.cancel(run_id, viewer(request), now())
    return redirect("site:run", run_id=run_id)


@login_required
@require_POST
def pause(request: HttpRequest, run_id: int) -> HttpResponse:
    """Hold a run up for a while, as a guardian."""
    services.pause(run_id, viewer(request), request.POST.get("reason", ""), now())
    return redirect("site:run", run_id=run_id)


@login_required
@require_POST
def ask_more(request: HttpRequest, run_id: int) -> HttpResponse:
    """Make a draft for a higher ceiling of a run in one step, and show it."""
    made = asking_more.propose(run_id, request.POST.get("amount", ""), viewer(request), now())
    return redirect("site:draft", slug=made.community.slug, draft_id=made.pk)


@require_POST
def sign(request: HttpRequest, run_id: int) -> HttpResponse:
    """Take in a guardian's signature of the release of a run. The signature is the authority, so nobody signs in."""
    waiting = release_keys.waiting_for(selectors.run_detail(run_id, now(), viewer(request)).run.evaluation_record)
    if waiting is None:
        raise NotFound("no_waiting_release", "the release of this run does not wait for guardians", found=run_id)
    values = SignatureInput.read(
        strict_loads(request.POST.get("signature", "").encode(), max_bytes=SIGNATURE_BYTES_MAX)
    )
    signature = bytes.fromhex(values["signature"])
    release_keys.sign(waiting.release.release_record_id, values["public_key"], signature, now())
    return redirect("site:run", run_id=run_id)


def _computing(run: Run) -> list[tuple[timetable.Computing, str]]:
    """Return what sites a run was given, and in words why it waits for one."""
    names, ceiling = timetable.site_names(run.community), ceilings.of(run)
    currency = "" if ceiling is None else ceiling.currency
    return [
        (each, waiting.row_words(each.row, now(), names, currency) if each.row.state == State.WAITING else "")
        for each in timetable.computing_of(run, now())
    ]


def _context(run_id: int, who: str) -> dict[str, Any]:
    # First what the page has seen, then what it shows: a change between the two is told again, not missed.
    pulse = pulse_of(run_id, now())
    shown = selectors.run_detail(run_id, now(), who)
    charts = run_charts(shown.series, shown.steps)
    return {
        "pulse": pulse,
        "community": shown.run.community,
        "tab": "runs",
        "shown": shown,
        "run": shown.run,
        "charts": charts,
        "chart_rows": table_of(charts),
        "review": reviews.review_of(shown.run, now()),
        "waiting": None if shown.run.version_id else release_keys.waiting_for(shown.run.evaluation_record),
    }
