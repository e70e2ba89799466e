"""A mirror follows the public log of a community of another site, verifies it, and serves it on, read-only.

`follow.py` asks and verifies, `answers.py` says what is here, `views.py` serves it in the form of the API. It believes
nobody: a log that forks is followed no further, and both sides of the fork are kept. Nothing here reads or writes the
tables of communities that live on this site.
"""
