"""Duties: rules that ask people to look before a release; what they may ask, whom, and what reviewers sign."""
