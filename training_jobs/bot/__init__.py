"""The CI bot and the volunteer's client: takes an approved run from a site, checks its votes itself, and runs it.

Standard library, and what the offline verifier and the trainer need; no Django. `python -m training_jobs.bot --help`.
"""
