"""Sealed ballots: choices that nobody can read until voting has closed, and that everybody can read from then on.

`terms` is what a charter says about it, `shares` and `box` the sealing itself, `opening` what becomes of sealed
ballots: those are pure. `facts` asks the database; `keys`, `casting` and `unsealing` change it.
docs/how-to/vote-in-secret.md tells the whole way.
"""
