"""The demo: a water commons with a tiny model, made on the spot. Never part of a deployment."""
