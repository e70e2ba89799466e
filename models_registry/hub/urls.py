"""Addresses of the hub, below /hub/. Exactly those of huggingface.co, so that a stock client finds them."""

from django.urls import URLPattern, path, re_path

from models_registry.hub import views

app_name = "hub"


def _repositories(kind: str, files: str) -> list[URLPattern]:
    """Return the addresses of models or datasets; `files` stands before the name where files are fetched."""
    one, fixed = f"api/{kind}/<str:namespace>/<str:name>", {"kind": kind}
    return [
        path(f"api/{kind}", views.repository_list, fixed, name=kind),
        path(one, views.info, fixed, name=f"{kind}-info"),
        path(f"{one}/revision/<path:revision>", views.info, fixed, name=f"{kind}-revision"),
        path(f"{one}/refs", views.refs, fixed, name=f"{kind}-refs"),
        path(f"{one}/commits/<path:revision>", views.commits, fixed, name=f"{kind}-commits"),
        path(f"{one}/tree/<str:revision>", views.tree, fixed, name=f"{kind}-tree"),
        path(f"{one}/tree/<str:revision>/<path:path>", views.tree, fixed, name=f"{kind}-tree-below"),
        path(f"{one}/paths-info/<path:revision>", views.paths_info, fixed, name=f"{kind}-paths"),
        path(
            f"{files}<str:namespace>/<str:name>/resolve/<str:revision>/<path:path>",
            views.resolve,
            fixed,
            name=f"{kind}-file",
        ),
    ]


urlpatterns = [
    *_repositories("models", ""),
    *_repositories("datasets", "datasets/"),
    re_path(r"^(?P<path>.*)$", views.nothing, name="nothing"),
]
