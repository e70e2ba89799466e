"""The server's side of the runner protocol: who is let in, what they get, and what they may hand over."""
