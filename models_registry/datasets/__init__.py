"""Datasets: taking them in (canonical form, digest) and scanning them. No Django here."""
