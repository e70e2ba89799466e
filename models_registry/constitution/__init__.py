"""The constitution of a community: its ethics rules, each a text and a gate, and how they change by votes."""
