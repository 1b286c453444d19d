"""What the environment says where nothing is typed: CENTRALITA_NATS, CENTRALITA_CENTRE, CENTRALITA_STORE."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


class Settings(BaseSettings):
    """Server, centre and directory where none is named; `trace` shows where an unexpected error arose.

    `door_token`: what the HTTP door asks for; absent, it lets everybody on this machine in.
    `beat` is how often who works at what reaches outside says so, in seconds.
    """

    model_config = SettingsConfigDict(env_prefix="CENTRALITA_", env_ignore_empty=True)

    nats: str = "nats://127.0.0.1:4222"
    centre: str | None = None
    store: Path = Path("centralita-store")
    trace: bool = False
    door_token: str | None = None
    beat: float = 2.0
