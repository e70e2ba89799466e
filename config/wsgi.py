"""The web application, for any WSGI server (`config/web.py` starts ours). It never imports torch: a test sees to it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
