"""All addresses: the API, the hub, the admin, and the pages. The demo wallet has an address only in the demo."""

from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularSwaggerSplitView

from config import api_errors
from config.api_document import ApiDocument
from models_registry.hub.views import mirrored_file

# The page of the API comes from a library that styles itself inline; nothing else on the site may. Its scripts
# are served from here, too, and carry no nonce.
api_docs = csp_update({"style-src": ["'unsafe-inline'"], "script-src": [SELF]})

urlpatterns = [
    path("api/v1/", include("governance.urls")),
    path("api/v1/", include("models_registry.urls")),
    path("api/v1/", include("training_jobs.urls")),
    path("api/schema/", ApiDocument.as_view(), name="api-schema"),
    path("api/docs/", api_docs(SpectacularSwaggerSplitView.as_view(url_name="api-schema")), name="api-docs"),
    re_path(r"^api/", api_errors.not_found),
    path("hub/", include("models_registry.hub.urls")),
    path("v1/", include("training_jobs.serving.urls")),
    path("mirror/<slug:mirror>/", include("governance.mirroring.urls")),
    path("mirror/<slug:mirror>/hub/<str:namespace>/<str:name>/resolve/<str:revision>/<path:path>", mirrored_file),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]
if settings.DEMO:
    urlpatterns.append(path("demo/", include("config.demo.urls")))
urlpatterns.append(path("", include("frontend.urls")))

handler400 = "frontend.views.errors.unreadable"
handler404 = "frontend.views.errors.not_found"
handler403 = "frontend.views.errors.forbidden"
handler500 = "frontend.views.errors.server_error"
