"""Views: each answers one question in three steps: parse, call one service or selector, present. No ORM, no rules."""
