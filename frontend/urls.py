"""The addresses of the pages. Every view is wrapped once, so that a refusal becomes the right page everywhere."""

from django.urls import path

from frontend.views import (
    communities,
    datasets,
    editor,
    home,
    models,
    proposals,
    receipts,
    releases,
    rules,
    runs,
    sign_in,
)
from frontend.views.errors import page

app_name = "site"
urlpatterns = [
    path("", page(home.home), name="home"),
    path("sign-in/", page(sign_in.sign_in), name="sign_in"),
    path("c/<slug:slug>/", page(communities.overview), name="community"),
    path("c/<slug:slug>/proposals/", page(proposals.index), name="proposals"),
    path("c/<slug:slug>/proposals/<int:number>/", page(proposals.detail), name="proposal"),
    path("c/<slug:slug>/proposals/<int:number>/results/", page(proposals.results), name="proposal_results"),
    path("c/<slug:slug>/proposals/<int:number>/withdraw/", page(editor.withdraw), name="proposal_withdraw"),
    path("c/<slug:slug>/propose/", page(editor.choose), name="propose"),
    path("c/<slug:slug>/propose/<slug:kind>/", page(editor.create), name="propose_kind"),
    path("c/<slug:slug>/drafts/<int:draft_id>/", page(editor.draft), name="draft"),
    path("c/<slug:slug>/drafts/<int:draft_id>/edit/", page(editor.edit), name="draft_edit"),
    path("c/<slug:slug>/drafts/<int:draft_id>/submit/", page(editor.submit), name="draft_submit"),
    path("c/<slug:slug>/drafts/<int:draft_id>/discard/", page(editor.discard), name="draft_discard"),
    path("c/<slug:slug>/runs/", page(runs.index), name="runs"),
    path("c/<slug:slug>/datasets/", page(datasets.index), name="datasets"),
    path("c/<slug:slug>/rules/", page(rules.index), name="rules"),
    path("c/<slug:slug>/models/", page(models.index), name="models"),
    path("runs/<int:run_id>/", page(runs.detail), name="run"),
    path("runs/<int:run_id>/live/", page(runs.live), name="run_live"),
    path("datasets/<slug:digest>/", page(datasets.detail), name="dataset"),
    path("models/<slug:namespace>/<slug:name>/", page(models.detail), name="model"),
    path("releases/<slug:revision>/", page(releases.detail), name="release"),
    path("receipts/<slug:digest>/", page(receipts.detail), name="receipt"),
    path("receipts/<slug:digest>/receipt.json", page(receipts.download), name="receipt_json"),
]
