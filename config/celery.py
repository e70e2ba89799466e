"""The Celery application. Its messages are nudges: losing or doubling one changes nothing but the waiting time.

Workers and the sweeper load it; web processes do not, because no request talks to the broker.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("commonweights")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
