"""The books of a community's compute: double entry in integers, append-only, every booking in the log."""
