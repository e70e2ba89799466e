"""Classifiers that judge answers: how rules name them, and where this site keeps them."""
