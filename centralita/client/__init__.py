"""The public client: facts in, commands and queries, the log as it grows; over HTTP or over NATS, async or not.

Over HTTP it needs httpx alone, and nothing of what a service is made of is loaded.
"""

from centralita.client.asynchronous import Client
from centralita.client.events import Accepted, Event, Fact, Recorded
from centralita.client.problems import Problem, Refusal, Unavailable
from centralita.client.synchronous import SyncClient

__all__ = [
    "Accepted",
    "Client",
    "Event",
    "Fact",
    "Problem",
    "Recorded",
    "Refusal",
    "SyncClient",
    "Unavailable",
]
