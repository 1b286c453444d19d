"""A call centre for tests: started as a process of its own and spoken to over HTTP, its time in the test's hands.

Nothing here imports the services or the contract, so a project may have packages of the same names.
"""

from centralita.client import Event, Refusal, Unavailable
from centralita.harness.centre import CallCentre
from centralita.harness.errors import HarnessError
from centralita.harness.stack import Stack
from centralita.harness.subjects import Agent, Call, Customer, Letter, Subject

__all__ = [
    "Agent",
    "Call",
    "CallCentre",
    "Customer",
    "Event",
    "HarnessError",
    "Letter",
    "Refusal",
    "Stack",
    "Subject",
    "Unavailable",
]
