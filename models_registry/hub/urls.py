"""Addresses of the hub, below /hub/. Exactly those of huggingface.co, so that a stock client finds them."""

from django.urls import path, re_path

from models_registry.hub import views

app_name = "hub"

_MODEL = "api/models/<str:namespace>/<str:name>"

urlpatterns = [
    path("api/models", views.model_list, name="models"),
    path(_MODEL, views.model_info, name="model"),
    path(f"{_MODEL}/revision/<path:revision>", views.model_info, name="revision"),
    path(f"{_MODEL}/refs", views.refs, name="refs"),
    path(f"{_MODEL}/commits/<path:revision>", views.commits, name="commits"),
    path(f"{_MODEL}/tree/<str:revision>", views.tree, name="tree"),
    path(f"{_MODEL}/tree/<str:revision>/<path:path>", views.tree, name="tree_below"),
    path("<str:namespace>/<str:name>/resolve/<str:revision>/<path:path>", views.resolve, name="resolve"),
    re_path(r"^(?P<path>.*)$", views.nothing, name="nothing"),
]
