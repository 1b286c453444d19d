"""The protocols that ship with Centralita, as data."""
