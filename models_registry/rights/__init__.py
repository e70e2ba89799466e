"""Whose data it is: sources, contributors, who asked for it back, and which versions learnt from it."""
