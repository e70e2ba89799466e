"""Simulators: small, faithful stand-ins that implement the real interface, and fail on demand."""
