"""What can go wrong with the harness itself."""

from __future__ import annotations

__all__ = ["HarnessError"]


class HarnessError(RuntimeError):
    """What is to be tested against cannot be had; the message says why, and what to do."""
