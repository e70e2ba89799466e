"""A federation of sites as it could go in a year: seeded worlds, one loop around the scheduler, figures, replay."""
