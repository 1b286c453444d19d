"""Promises and clocks: what was due by when, whether it was kept, and the figures of the centre."""
