"""How do I add a dataset? One form for a file, an address or a repository, and a page that says what becomes of it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from frontend import words
from frontend.views.asked import viewer
from governance import clock, selectors
from governance.errors import Malformed, Refusal
from governance.models import Community
from models_registry.data_words import DATA_KINDS
from models_registry.datasets import asking, intakes
from models_registry.datasets.data_kinds import RECOMMENDED
from models_registry.datasets.formats import ENDINGS
from models_registry.datasets.formats.separated import DIALECTS
from models_registry.datasets.kinds import KINDS
from models_registry.datasets.rows import LANGUAGES, IntakeError
from models_registry.datasets.serializers import DatasetInput, IntakeInput
from models_registry.models import DatasetIntake
from models_registry.rights.sources import CONSENT

SOURCES = ("file", "url", "repository")
_OF_SOURCE = {"file": (), "url": ("url", "sha256"), "repository": ("repository", "revision", "files")}
_COMMON = ("slug", "title", "license", "role", "columns", "dialect", "language", "topic", "country")
_FILES_MAX = 100


@login_required
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form; a posted one becomes a dataset, or one on its way in, or comes back with what is wrong."""
    community = selectors.community_named(slug)
    if request.method != "POST":
        return _form(request, community, {"source": "file", "role": "training", "topic": "general"})
    said = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    try:
        made = _ask(request, slug, said)
    except IntakeError as error:
        return _form(request, community, said, problem(error.code, str(error).partition(": ")[2]), error.status)
    except Refusal as refusal:
        sentence = words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed)
        where = _LABELS.get(refusal.field)
        shown = {"says": words.INTAKE_REFUSALS.get(refusal.code, sentence), "detail": str(where() if where else "")}
        return _form(request, community, said, shown, refusal.status)
    if isinstance(made, DatasetIntake):
        return redirect("site:intake", intake_id=made.pk)
    return redirect("site:dataset", digest=made[0].digest)


def detail(request: HttpRequest, intake_id: int) -> HttpResponse:
    """Show what became of a dataset on its way in."""
    return render(request, "pages/intake.html", _context(intake_id))


def live(request: HttpRequest, intake_id: int) -> HttpResponse:
    """Show the part of that page that changes."""
    return render(request, "parts/intake_live.html", _context(intake_id))


def problem(code: str, detail: str) -> dict[str, str]:
    """Return a refusal of intake for readers: what it means, and where in the file."""
    return {"says": str(words.INTAKE_REFUSALS.get(code, code)), "detail": detail}


def _ask(request: HttpRequest, slug: str, said: dict[str, str]) -> Any:  # noqa: ANN401 - a dataset, or an intake
    """Call the service with what the form says. Empty fields say nothing."""
    source = said.get("source", "")
    if source not in SOURCES:
        raise Malformed("malformed_field", "choose a source", field="source", found=source)
    names = (*_COMMON, *_OF_SOURCE[source])
    values: dict[str, Any] = {name: said[name].strip() for name in names if said.get(name, "").strip()}
    values |= {"community": slug, "data_kinds": _data_kinds(request), **_rights(request, said)}
    if source == "file":
        file = request.FILES.get("file")
        if file is None:
            raise Malformed("missing_field", "choose a file", field="file")
        return asking.with_file(viewer(request), DatasetInput.read(values), file, clock.now())
    if "files" in values:
        values["files"] = values["files"].split()[:_FILES_MAX]
    return asking.with_source(viewer(request), IntakeInput.read(values), clock.now())


def _rights(request: HttpRequest, said: dict[str, str]) -> dict[str, Any]:
    """Return what the form says of whose data it is: a Croissant file or one source, and who gave it."""
    values: dict[str, Any] = {}
    if request.FILES.get("croissant"):
        values["croissant"] = request.FILES["croissant"]
    if said.get("source_name", "").strip():
        named = {name: said.get(f"source_{name}", "") for name in ("name", "url", "consent", "contact")}
        values["sources"] = [{**named, "license": said.get("license", "")}]
    if said.get("all_mine"):
        values["contributors"] = {"all": viewer(request)}
    return values


def _data_kinds(request: HttpRequest) -> list[str]:
    """Return the kinds of data that were ticked, and those that were written with commas between them."""
    written = request.POST.get("other_kinds", "").split(",")
    return [*request.POST.getlist("data_kind"), *(word.strip() for word in written if word.strip())]


def _form(
    request: HttpRequest,
    community: Community,
    said: dict[str, str],
    refused: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "community": community,
        "tab": "datasets",
        "said": said,
        "problem": refused,
        "licences": LICENCES,
        "languages": LANGUAGES,
        "dialects": [(name, _DIALECTS[name]()) for name in DIALECTS],
        "endings": ",".join(ENDINGS),
        "consents": CONSENT,
        "data_kinds": [(kind, DATA_KINDS[kind]) for kind in RECOMMENDED],
        "ticked": request.POST.getlist("data_kind"),
        "kinds": [(kind, ", ".join(texts)) for kind, texts in KINDS.items()],
    }
    return render(request, "pages/dataset_add.html", context, status=status)


def _context(intake_id: int) -> dict[str, Any]:
    row = intakes.find(intake_id)
    state = intakes.state(row, clock.now())
    return {
        "community": row.community,
        "tab": "datasets",
        "intake": row,
        "state": state,
        "origin": intakes.origin(row.source),
        "unfinished": state not in {"done", "refused"},
        "problem": problem(row.error_code, row.error_detail) if row.error_code else None,
    }


# What open datasets are published under most often; any other SPDX identifier can be written.
LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "ODC-By-1.0", "ODbL-1.0", "etalab-2.0", "Apache-2.0", "MIT")
_DIALECTS = {"comma": lambda: _("Comma"), "semicolon": lambda: _("Semicolon"), "tab": lambda: _("Tab")}
_LABELS = {
    "title": lambda: _("Title"),
    "slug": lambda: _("Short name"),
    "license": lambda: _("Licence"),
    "role": lambda: _("What for"),
    "source": lambda: _("Where it is"),
    "file": lambda: _("File"),
    "url": lambda: _("Address"),
    "sha256": lambda: _("SHA-256 of the file"),
    "repository": lambda: _("Repository"),
    "revision": lambda: _("Commit"),
    "files": lambda: _("Files"),
    "columns": lambda: _("Columns"),
    "language": lambda: _("Language"),
    "topic": lambda: _("Topic"),
    "sources[0].name": lambda: _("Name of the source"),
    "sources[0].url": lambda: _("Address of the source"),
    "sources[0].license": lambda: _("Licence"),
    "sources[0].contact": lambda: _("Whom to ask"),
    "croissant": lambda: _("Croissant file"),
    "data_kinds": lambda: _("Kinds of data"),
    "country": lambda: _("Country in which the rows are kept"),
}
