"""Django's command line for this project: `python manage.py help` lists the commands."""

import gc
import os
import sys

from django.core.management import execute_from_command_line

# Most of what a command makes is what it loads, and stays: looking through that for garbage took a fifth of its start.
GARBAGE_AT_LEAST = 50_000

if __name__ == "__main__":
    gc.set_threshold(GARBAGE_AT_LEAST, 20, 20)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)
