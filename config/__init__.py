"""The Django project: settings, addresses, the Celery application and the demo. Holds no rules."""
