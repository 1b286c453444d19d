"""What the services record on the log beside the facts themselves."""

from contracts.events.centre import *
from contracts.events.intake import *
from contracts.events.routing import *
from contracts.events.sla import *
from contracts.events.tickets import *
from contracts.events.tickets import TicketState as TicketState
