"""Previews: bounded sandbox runs of a proposed training before its vote. Evidence, never something to publish."""
