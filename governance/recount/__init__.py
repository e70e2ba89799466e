"""The recount of a vote from its audit bundle: alone, offline, ballot by ballot. Pure."""

from governance.recount.check import TrustRoots, recount
from governance.recount.report import BadEntry, Report, Unreadable

__all__ = ["BadEntry", "Report", "TrustRoots", "Unreadable", "recount"]
