"""Trains a release again from what the votes approved, and compares: check 12 of a verification.

`inputs` finds base and data by digest, `machine` trains and measures in the box in which runs are trained, `comparison`
says what it amounts to. No Django, and no torch but in the child processes.
"""
