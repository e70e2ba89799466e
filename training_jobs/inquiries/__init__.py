"""What the site asks of versions after their release: measured again on a schedule, and asked what an incident asks."""
