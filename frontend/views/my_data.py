"""Answers: what does this site keep about me, as a file; what goes when I erase it, and what stays and why."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from frontend.views.asked import viewer
from frontend.words import personal as words
from governance import clock
from governance.portability import person as people
from governance.readers import sessions

UNDERSTOOD = "understood"


@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Show in words what goes and what stays; a press that is meant erases it, and signs out everywhere."""
    if not _is_known(request):
        return HttpResponseRedirect(reverse("site:join", query={"next": request.path}))
    person = _person(request)
    if request.method != "POST":
        return _page(request, person)
    if request.POST.get(UNDERSTOOD) != "1":
        return _page(request, person, status=422)
    people.erase_person(person, clock.now())
    sessions.close_session(request)
    messages.success(request, _("What was private to you is erased, and you are signed out everywhere."))
    return redirect("site:home")


@never_cache
def download(request: HttpRequest) -> HttpResponse:
    """Hand out everything: what is private, and what stays public with where and why."""
    if not _is_known(request):
        return HttpResponseRedirect(reverse("site:join", query={"next": reverse("site:my_data")}))
    kept = people.export_person(_person(request), clock.now())
    answer = JsonResponse(kept, json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = 'attachment; filename="commonweights-everything-about-me.json"'
    return answer


def _page(request: HttpRequest, person: people.Person, status: int = 200) -> HttpResponse:
    reader = person.reader
    context = {
        "person": person,
        "stays": [words.staying(each) for each in people.staying(person)],
        # A wallet that is not this reader's, or is not signed in: what it keeps is not touched here.
        "other_wallet": sessions.waiting_wallet(request)
        or (reader.address if reader is not None and not person.address else ""),
        "is_unconfirmed": status != 200,  # noqa: PLR2004 - a page
    }
    return render(request, "pages/my_data.html", context, status=status)


def _is_known(request: HttpRequest) -> bool:
    return bool(viewer(request)) or sessions.current(request) is not None


def _person(request: HttpRequest) -> people.Person:
    return people.signed_in(viewer(request), sessions.current(request))
