"""The site: server-rendered pages. Shows what the other apps say; holds no rule and no query."""
