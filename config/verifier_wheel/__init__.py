"""Builds `commonweights-verify`, the verifier that installs alone: `python -m config.verifier_wheel FOLDER`.

What goes into it is computed from the imports of the command, never listed by hand. Needs no Django and imports nothing
of what it packs.
"""
