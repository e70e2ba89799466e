"""Anchoring: digests of what a community decided, written down on a chain, so that nobody can date them back.

`kinds.py` says what is posted and under which name, `steps.py` is the rule for the next step with one digest,
`check.py` asks a chain what was posted, for verifiers; none of these needs Django. `planning.py` and `posting.py` do
the work of a site that anchors, `told.py` says how far it is.
"""
