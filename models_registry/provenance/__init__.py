"""Provenance: from the weights of a release back to the ballots that decided it, for anyone, offline.

`bundle` writes and reads the folder of a release, `verify` checks it. Nothing here imports Django, torch or
web3.
"""
