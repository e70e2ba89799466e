"""People who follow without a wallet: who they are, how they sign in, and what they follow (`models/readers.py`).

Whoever asks who follows in a browser asks `sessions.current`. A reader is never an address: what is signed, proposed or
attested goes by `request.user` alone.
"""
