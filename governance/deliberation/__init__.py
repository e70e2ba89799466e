"""What is said about proposals: threads of comments, moderation in the open, drafts that several people write."""
