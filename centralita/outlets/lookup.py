"""A CRM asked over HTTP whose a number is: time-outs, retries, a circuit breaker, and answers kept for a while."""

from __future__ import annotations

import asyncio
import json
import random
from collections import OrderedDict
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState
from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from contracts import registry
from contracts.facts import CustomerRegistered

__all__ = ["Crm", "Failed", "Found", "Settings"]

_LARGEST = 1 << 16


class Settings(BaseSettings):
    """Which CRM, and how it is asked: CENTRALITA_CRM, CENTRALITA_CRM_TOKEN and so on; times in seconds.

    `url` has {phone} where the number goes, and may have {centre}. `centres` are those for which it is asked, with
    commas between; none named: all. `fields` says where in the answer our fields are, `kind` what kind of customer
    somebody is of whom it does not say so.
    """

    model_config = SettingsConfigDict(env_prefix="CENTRALITA_CRM_", env_ignore_empty=True, frozen=True)

    url: str = Field(default="", validation_alias="CENTRALITA_CRM")
    token: SecretStr | None = None
    centres: str = ""
    fields: dict[str, str] = {}
    kind: str = ""
    connect: PositiveFloat = 2.0
    timeout: PositiveFloat = 5.0
    attempts: PositiveInt = 3
    first_pause: NonNegativeFloat = 0.2
    in_flight: PositiveInt = 8
    threshold: PositiveInt = 5
    rest: PositiveFloat = 30.0
    again: PositiveFloat = 5.0
    ttl: NonNegativeFloat = 300.0
    unknown_ttl: NonNegativeFloat = 60.0
    cached: PositiveInt = 10_000

    @field_validator("url")
    @classmethod
    def _is_template(cls, url: str) -> str:
        parts = urlsplit(url)  # its port raises ValueError itself
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if url and not (good and "{phone}" in url):
            raise ValueError("expected a URL with {phone} in it, such as https://crm.example/callers/{phone}")
        return url

    def asks_for(self, centre: str) -> bool:
        """Whether the CRM is asked about callers of this centre."""
        return bool(self.url) and (not self.centres or self.names(centre))

    def names(self, centre: str) -> bool:
        """Whether this centre is among those that are named."""
        return centre in (name.strip() for name in self.centres.split(","))


class Failed(Exception):
    """The CRM gave no answer, or none that can be read; another time it may."""


class Found:
    """A customer of the CRM: their id, and what is registered of them."""

    def __init__(self, customer: str, entry: CustomerRegistered) -> None:
        self.customer, self.entry = customer, entry


class Crm:
    """A CRM; `async with Crm(settings) as crm`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._cache: OrderedDict[str, tuple[float, Found | None]] = OrderedDict()
        self._flight = asyncio.Semaphore(settings.in_flight)
        self._breakers = AsyncCircuitBreakerFactory(
            settings.threshold, settings.rest, exclude=[asyncio.CancelledError]
        )

    async def __aenter__(self) -> Self:
        token = self.settings.token
        self._http = httpx.AsyncClient(
            headers={"accept-encoding": "identity"}  # what is packed may be a thousand times as large
            | ({"authorization": f"Bearer {token.get_secret_value()}"} if token else {}),
            timeout=httpx.Timeout(self.settings.timeout, connect=self.settings.connect),
            limits=httpx.Limits(max_connections=self.settings.in_flight),
            follow_redirects=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, centre: str, phone: str) -> Found | None:
        """Whose this number is, None if nobody's; Failed where the CRM does not say."""
        url = self.settings.url.replace("{phone}", quote(phone, safe="")).replace("{centre}", centre)
        loop = asyncio.get_running_loop()
        if (known := self._cache.get(url)) and known[0] > loop.time():
            return known[1]
        async with self._flight:
            found = await self._asked(url)
        self._cache[url] = (loop.time() + (self.settings.ttl if found else self.settings.unknown_ttl), found)
        self._cache.move_to_end(url)
        while len(self._cache) > self.settings.cached:
            self._cache.popitem(last=False)
        return found

    async def _asked(self, url: str) -> Found | None:
        attempt = 0
        while True:
            attempt += 1
            try:
                async with await self._breakers.get_breaker("crm"):
                    return self._read(*await self._got(url))
            except OpenedState:
                raise Failed(f"left alone for {self.settings.rest:g} s after failing") from None
            except _Passing as error:
                if attempt >= self.settings.attempts:
                    raise Failed(str(error)) from None
            await asyncio.sleep(self.settings.first_pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))

    async def _got(self, url: str) -> tuple[int, bytes]:
        body = b""
        try:
            async with asyncio.timeout(self.settings.timeout), self._http.stream("GET", url) as answer:
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > _LARGEST:
                        raise Failed(f"the answer has more than {_LARGEST} bytes")
        except TimeoutError:
            raise _Passing(f"no answer within {self.settings.timeout:g} s") from None
        except httpx.HTTPError as error:
            raise _Passing(type(error).__name__) from None  # its text may have the URL, and that the number
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Passing(f"it answers {answer.status_code}")
        return answer.status_code, body

    def _read(self, status: int, body: bytes) -> Found | None:
        if status in (204, 404):
            return None
        if status != 200:
            raise Failed(f"it answers {status}; expected 200, 404 or 204")
        try:
            answer = json.loads(body)
            if _none(answer, self.settings.fields.get("customer", "customer")):
                return None
            fields = ("customer", *CustomerRegistered.model_fields)
            told = {name: _at(answer, self.settings.fields.get(name, name)) for name in fields}
            told = {name: value for name, value in told.items() if value is not None}
            customer = str(told.pop("customer", ""))
            entry = CustomerRegistered.model_validate({"kind": self.settings.kind} | told)
        except ValidationError as error:
            raise Failed(f"its answer cannot be read: {registry.unreadable(error)}") from None
        except (ValueError, RecursionError):
            raise Failed("its answer cannot be read: expected JSON") from None
        if not registry.valid_id(customer, "customer"):
            raise Failed("its answer cannot be read: customer: expected an id") from None
        return Found(customer, entry)


class _Passing(Exception):
    """A failure after which another try is worth it."""


def _none(answer: Any, path: str) -> bool:
    """Whether an answer says that there is nobody: null or an empty list, itself or on the way to a place in it."""
    steps = path.split(".")
    befores = (".".join(steps[:count]) for count in range(1, len(steps)))
    return answer in (None, []) or any(_at(answer, before) == [] for before in befores)


def _at(answer: Any, path: str) -> Any:
    """What is at a place in an answer, such as `results.0.id`; None where nothing is."""
    for step in path.split("."):
        if isinstance(answer, list) and step.isdigit() and int(step) < len(answer):
            answer = answer[int(step)]
        elif isinstance(answer, dict):
            answer = answer.get(step)
        else:
            return None
    return answer
