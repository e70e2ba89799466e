"""The web application, for any WSGI server (`config/web.py` starts ours). It never imports torch: a test sees to it."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config import lean

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# What is loaded now stays: looking through it for garbage takes a fifth of the start, and of each full search later.
gc.disable()
application = get_wsgi_application()
lean.load_spectacular()
lean.load_requests()
import_module(settings.ROOT_URLCONF)
gc.collect()
gc.freeze()
gc.enable()
