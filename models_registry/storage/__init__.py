"""What releases are made of: objects named by their SHA-256, in a folder or in an S3-compatible bucket.

A release is a listing of (path, SHA-256, size) in the database; the bytes lie once, whichever releases they belong to.
`listing.py` describes files, `base.py` says what a store is, `local.py` and `bucket.py` are the two there are,
`folders.py` gives real paths to whoever needs them, `collect.py` removes what nothing reaches, `checks.py` is what
`fsck` asks. docs/decisions/0011-objects-named-by-content.md says why.
"""
