"""Who owns the call."""
