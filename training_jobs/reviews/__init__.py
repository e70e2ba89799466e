"""Reviews: people whom rules ask to look at a measured result before it is judged."""
