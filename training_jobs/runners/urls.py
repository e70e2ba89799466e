"""Addresses of the runner API, below /api/v1/."""

from django.urls import path

from training_jobs.runners import check_views, owner_views, trial_views, views

_RUN = "runner/runs/<int:pk>"
_TRIAL = "runner/trials/<int:pk>"
_CHECK = "runner/checks/<int:pk>"

urlpatterns = [
    path("runners", owner_views.RunnerList.as_view(), name="api-runners"),
    path("runners/<int:pk>", owner_views.RunnerDetail.as_view(), name="api-runner"),
    path("runners/<int:pk>/rotate", owner_views.RunnerRotate.as_view(), name="api-runner-rotate"),
    path("runner/hello", views.Hello.as_view(), name="api-runner-hello"),
    path("runner/token", views.OwnToken.as_view(), name="api-runner-token"),
    path("runner/work", views.Work.as_view(), name="api-runner-work"),
    path(f"{_RUN}/claim", views.Claim.as_view(), name="api-runner-claim"),
    path(f"{_RUN}/proof", views.Proof.as_view(), name="api-runner-proof"),
    path(f"{_RUN}/files", views.Files.as_view(), name="api-runner-files"),
    path(f"{_RUN}/files/<path:path>", views.File.as_view(), name="api-runner-file"),
    path(f"{_RUN}/heartbeat", views.Heartbeat.as_view(), name="api-runner-heartbeat"),
    path(f"{_RUN}/events", views.Events.as_view(), name="api-runner-events"),
    path(f"{_RUN}/uploads/<str:sha256>", views.Upload.as_view(), name="api-runner-upload"),
    path(f"{_RUN}/checkpoint", views.Checkpoint.as_view(), name="api-runner-checkpoint"),
    path(f"{_RUN}/trained", views.Trained.as_view(), name="api-runner-trained"),
    path(f"{_RUN}/took-part", views.TookPart.as_view(), name="api-runner-took-part"),
    path(f"{_RUN}/evaluated", views.Evaluated.as_view(), name="api-runner-evaluated"),
    path(f"{_RUN}/fail", views.Fail.as_view(), name="api-runner-fail"),
    path(f"{_RUN}/stopped", views.Stopped.as_view(), name="api-runner-stopped"),
    path("runner/trials", trial_views.Trials.as_view(), name="api-runner-trials"),
    path(f"{_TRIAL}/claim", trial_views.Claim.as_view(), name="api-runner-trial-claim"),
    path(f"{_TRIAL}/files", trial_views.Files.as_view(), name="api-runner-trial-files"),
    path(f"{_TRIAL}/files/<path:path>", trial_views.File.as_view(), name="api-runner-trial-file"),
    path(f"{_TRIAL}/heartbeat", trial_views.Heartbeat.as_view(), name="api-runner-trial-heartbeat"),
    path(f"{_TRIAL}/events", trial_views.Events.as_view(), name="api-runner-trial-events"),
    path(f"{_TRIAL}/tried", trial_views.Tried.as_view(), name="api-runner-trial-tried"),
    path(f"{_TRIAL}/fail", trial_views.Fail.as_view(), name="api-runner-trial-fail"),
    path(f"{_TRIAL}/stopped", trial_views.Stopped.as_view(), name="api-runner-trial-stopped"),
    path("runner/checks", check_views.Checks.as_view(), name="api-runner-checks"),
    path(f"{_CHECK}/claim", check_views.Claim.as_view(), name="api-runner-check-claim"),
    path(f"{_CHECK}/files", check_views.Files.as_view(), name="api-runner-check-files"),
    path(f"{_CHECK}/files/<path:path>", check_views.File.as_view(), name="api-runner-check-file"),
    path(f"{_CHECK}/heartbeat", check_views.Heartbeat.as_view(), name="api-runner-check-heartbeat"),
    path(f"{_CHECK}/events", check_views.Events.as_view(), name="api-runner-check-events"),
    path(f"{_CHECK}/recomputed", check_views.Recomputed.as_view(), name="api-runner-check-recomputed"),
    path(f"{_CHECK}/fail", check_views.Fail.as_view(), name="api-runner-check-fail"),
    path(f"{_CHECK}/stopped", check_views.Stopped.as_view(), name="api-runner-check-stopped"),
]
