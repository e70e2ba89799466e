"""Telling people what concerns them: the table of topics, who hears of what, letters on their way, and the inbox.

`topics` is pure. `planning` reads the log and the clock, `audience` finds whom it concerns, `letters` keeps the errands
of sending, `preferences` and `inbox` are what readers do. Words are not here: pages and letters have them.
"""
