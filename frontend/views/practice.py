"""Answers: how does voting feel? A toy decision with the real forms and the real count, of which nothing is kept."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import practice, words
from governance.errors import Invalid, TooLarge


def practise(request: HttpRequest, toy: str = practice.TOYS[0].slug) -> HttpResponse:
    """Show a toy decision; a sent form is counted among made-up neighbours, or comes back with what is missing."""
    decision = practice.toy_named(toy)
    context = {"toy": decision, "toys": practice.TOYS, "votes": practice.YOUR_VOTES, "decimals": 0}
    if request.method != "POST":
        return render(request, "pages/practice.html", {**context, "panel": practice.panel_of(decision, {})})
    sent = {name: str(value) for name, value in request.POST.items()}
    reason = sent.get("reason", "").strip()
    try:
        if len(reason) > practice.REASON_MAX:
            raise TooLarge("too_large", "a reason has at most 2000 characters", field="reason")
        choice = practice.choice_of(decision, sent)
    except (Invalid, TooLarge) as refusal:
        context["problem"] = words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed)
        context |= {"panel": practice.panel_of(decision, sent), "reason": reason[: practice.REASON_MAX]}
        return render(request, "pages/practice.html", context, status=refusal.status)
    context |= {"panel": practice.panel_of(decision, {}), "counted": practice.counted(decision, choice, reason)}
    return render(request, "pages/practice.html", context)
