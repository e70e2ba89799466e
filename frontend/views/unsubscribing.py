"""Answers: how do I end these letters? By one click, without signing in (RFC 8058).

Reading the page ends nothing, because programs look at links before people do. A POST ends them: from the mail program
(`List-Unsubscribe=One-Click`), or by the page's button. Neither has a session that could be abused, so neither needs a
token against forged requests: the address holds a signature, and whoever knows it can do nothing but this.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from frontend import words
from governance import clock
from governance.notifications import preferences, tokens
from governance.notifications.topics import BY_KEY
from governance.readers import sessions


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show the button; end the letters when it is pressed, here or in a mail program."""
    reader, scope = tokens.read(token)
    ended = request.method == "POST"
    if ended:
        if request.POST.get("scope") == "all":
            scope = "all"
        preferences.unsubscribe(reader, scope, clock.now())
    found = sessions.current(request)
    values = {
        "ended": ended,
        "scope": scope,
        # Nothing for a digest: it is about many things.
        "what": words.word("news_topic", scope).label if scope in BY_KEY else "",
        "is_mine": found is not None and found.pk == reader.pk,
    }
    return render(request, "pages/unsubscribe.html", values)
