"""The Celery application. Its messages are nudges: losing or doubling one changes nothing but the waiting time.

Workers and the sweeper load it; web processes do not, because no request talks to the broker.
"""

import os

from celery import Celery
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# `migrate` and `check` have looked through the whole site; a worker need not load every page for it.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
app = Celery("commonweights")
app.config_from_object("django.conf:settings", namespace="CELERY")
# A worker that is not told which queue it serves (-Q training, -Q deliveries) serves both.
app.conf.task_queues = [Queue("training"), Queue("deliveries")]
app.autodiscover_tasks()
