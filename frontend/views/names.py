"""The picture beside a name that a resolver told: drawn by this site, never a stranger's file."""

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from governance import names
from governance.clock import now
from governance.errors import NotFound

FRESH_SECONDS = 3600


def picture(request: HttpRequest, address: str) -> HttpResponse:
    """Answer with the picture of an account."""
    del request
    drawn = names.picture_of(address, now())
    if not drawn:
        raise NotFound("no_picture", "there is no picture of this account", field="address", found=address)
    response = HttpResponse(drawn, content_type="image/png")
    patch_cache_control(response, public=True, max_age=FRESH_SECONDS)
    return response
