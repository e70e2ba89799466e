"""A mirror: follows another hub, and keeps only releases that verify under a key that its operator trusts.

`remote.py` asks the other hub, `follow.py` decides what is fetched, kept or refused, `index.py` is the list of what is
there. It believes nobody: every name, size and digest that the other hub says is checked. No Django here.
"""
