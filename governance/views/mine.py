"""What only whoever is signed in may ask and change, about themselves: inbox, wishes about being told, what is kept.

A reader (e-mail link or passkey) and a member's wallet both count; `sessions` says who that is. What a wallet keeps is
given and erased only where that wallet itself is signed in.
"""

from django.utils.translation import get_language
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import Malformed, NotAuthenticated, NotFound
from governance.models import Community, Reader
from governance.notifications import inbox, preferences
from governance.notifications.topics import BY_KEY
from governance.portability import person as people
from governance.readers import sessions
from governance.serializers.mine import (
    ErasedOutput,
    EraseInput,
    InboxOutput,
    InboxReadInput,
    InboxReadOutput,
    MyDataOutput,
    WishesInput,
    WishesOutput,
)
from governance.views.base import number, plain
from governance.views.readers import REFUSED_OR_MANY, CheckedSession

CONFIRMED = "erase"


class MyInbox(APIView):
    """What whoever is signed in was told. Nobody else is shown it."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        parameters=[
            OpenApiParameter("page", int),
            OpenApiParameter("unread", bool, description="only lines that are unread"),
            OpenApiParameter("topic", str),
            OpenApiParameter("community", str, description="its slug"),
        ],
        responses={200: InboxOutput, **REFUSED_OR_MANY},
        operation_id="my_inbox",
        examples=[
            OpenApiExample(
                "A vote that ends",
                response_only=True,
                value={
                    "page": 1, "pages": 1, "total": 1, "unread": 1,
                    "lines": [{
                        "id": 7, "topic": "ending", "kind": "ending_soon", "at": "2026-03-01T12:00:00Z",
                        "read_at": None, "community": "water", "proposal": "0x" + "ab" * 32, "actor": "", "said": {},
                    }],
                },
            )
        ],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Answer with one page, what is unread first."""
        asked = request.query_params
        unread = asked.get("unread", "false")
        if unread not in {"true", "false"}:
            raise Malformed("malformed_field", "true or false", field="unread", found=unread, allowed=["true", "false"])
        topic = plain(asked.get("topic", ""))
        if topic and topic not in BY_KEY:
            raise Malformed("unknown_news_topic", "there is no such topic", field="topic", found=topic)
        wanted = inbox.Wanted(unread=unread == "true", topic=topic, community=plain(asked.get("community", "")))
        return Response(InboxOutput(inbox.page(_me(request), wanted, number(request, "page", 1))).data)


class MyInboxRead(APIView):
    """Reading it."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        request=InboxReadInput, responses={200: InboxReadOutput, **REFUSED_OR_MANY}, operation_id="my_inbox_read"
    )
    def post(self, request: Request) -> Response:
        """Mark one line read, or all up to a number that was listed."""
        values = InboxReadInput.read(request.data)
        if len(values) != 1:
            raise Malformed("malformed_field", "say which line, or up to which", field="id", allowed="id, newest")
        reader, now = _me(request), clock.now()
        if "newest" in values:
            inbox.read_all(reader, inbox.Wanted(), now, newest=values["newest"])
        elif inbox.read(reader, values["id"], now) is None:
            raise NotFound("unknown_notification", "there is no such line in your inbox", found=values["id"])
        return Response({"unread": inbox.unread_count(reader)})


class MyPreferences(APIView):
    """How whoever is signed in wants to be told: a channel for each topic, communities that are muted, letters."""

    authentication_classes = (CheckedSession,)

    @extend_schema(responses={200: WishesOutput, **REFUSED_OR_MANY}, operation_id="my_preferences")
    def get(self, request: Request) -> Response:
        """Answer with the whole matrix."""
        return _wishes(_me(request))

    @extend_schema(
        request=WishesInput,
        responses={200: WishesOutput, **REFUSED_OR_MANY},
        operation_id="my_preferences_change",
        examples=[
            OpenApiExample(
                "Only what changes",
                request_only=True,
                value={"topics": {"decided": "weekly"}, "muted": ["water"], "letters_stopped": False},
            )
        ],
    )
    def patch(self, request: Request) -> Response:
        """Keep what is named; `muted` is the whole list."""
        values = WishesInput.read(request.data)
        channels = values.get("topics", {})
        for topic, channel in channels.items():
            if not isinstance(channel, str):
                raise Malformed("unknown_channel", "a channel is text", field=topic[:80], found=channel)
        muted = values.get("muted")
        communities = None if muted is None else _communities(muted)
        reader = _me(request)
        preferences.wish(reader, channels)
        if communities is not None:
            for community, was_muted in preferences.wishes_of(reader).communities:
                if (community.slug in communities) is not was_muted:
                    preferences.mute(reader, community, muted=community.slug in communities)
        if "letters_stopped" in values:
            preferences.stop_letters(reader, clock.now(), stopped=values["letters_stopped"])
        return _wishes(reader)


class MyData(APIView):
    """Everything that is kept about whoever is signed in."""

    authentication_classes = (CheckedSession,)

    @extend_schema(responses={200: MyDataOutput, **REFUSED_OR_MANY}, operation_id="my_data")
    def get(self, request: Request) -> Response:
        """Answer with what is private, and with what stays public, where and why."""
        return Response(people.export_person(_person(request), clock.now()))


class MyDataErase(APIView):
    """Going."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        request=EraseInput,
        responses={200: ErasedOutput, **REFUSED_OR_MANY},
        operation_id="my_data_erase",
        examples=[
            OpenApiExample(
                "What went and what stays",
                response_only=True,
                value={
                    "version": 1,
                    "erased": {"Follows": {"readers": 1, "links": 0}},
                    "stays": [{
                        "what": "ballots", "where": "the page of the vote, the log, bundles",
                        "why": "it was signed in public, and the results rest on it", "rows": 3,
                    }],
                    "elsewhere": "backups are not reached from here",
                },
            )
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Erase what is private, all of it or nothing, and sign out everywhere."""
        person = _person(request)
        confirm = EraseInput.read(request.data)["confirm"]
        if confirm != CONFIRMED:
            raise Malformed("not_confirmed", "nothing was erased", field="confirm", found=confirm, allowed=[CONFIRMED])
        done = people.erase_person(person, clock.now())
        sessions.close_session(request._request)  # noqa: SLF001 - Django's request
        return Response(done)


def _communities(slugs: list[str]) -> set[str]:
    wanted = set(map(plain, slugs))
    known = set(Community.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    if wanted - known:
        found = min(wanted - known)
        raise NotFound("unknown_community", "there is no such community", field="muted", found=found)
    return wanted


def _wishes(reader: Reader) -> Response:
    return Response(WishesOutput(preferences.wishes_of(reader)).data)


def _me(request: Request) -> Reader:
    """Return who follows in this browser; raise NotAuthenticated for a visitor."""
    return sessions.needed(request._request, get_language() or "", clock.now())  # noqa: SLF001 - Django's request


def _person(request: Request) -> people.Person:
    """Return whoever is signed in; raise NotAuthenticated for a visitor."""
    reader = sessions.current(request._request)  # noqa: SLF001 - Django's request
    wallet = str(request.user.address) if request.user.is_authenticated else ""
    if not wallet and reader is None:
        raise NotAuthenticated("not_signed_in", "sign in first: with an e-mail link, a passkey or a wallet")
    return people.signed_in(wallet, reader)
