"""Names and pictures that accounts have given themselves on a chain (ENS and its like), for display alone.

`standard` is the protocol as values; `resolving` asks a node; `avatars` makes a small picture of what a name points at;
`keeping` says who is to be asked about, keeps what was told for a while, and gives it to pages. No vote, no record and
no decision ever looks at a name, and no page waits for one: what was not told in time is not shown.
"""

from governance.names.keeping import is_on, known, picture_of, refresh, told_of, waits

__all__ = ["is_on", "known", "picture_of", "refresh", "told_of", "waits"]
