"""The receipt of a ballot: one document that shows, offline, whether the ballot was counted. Pure."""

from governance.receipts.verify import Finding, KeyMissing, Report, Status, verify_receipt

__all__ = ["Finding", "KeyMissing", "Report", "Status", "verify_receipt"]
