"""Calls for another vote: drafts that the site's watch prepares, and that nobody but a member can put to the vote."""
