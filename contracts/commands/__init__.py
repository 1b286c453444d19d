"""What can be asked of a service by request and reply: commands change something, queries do not."""

from contracts.commands.asked import *
from contracts.commands.intake import *
from contracts.commands.routing import *
from contracts.commands.sla import *
from contracts.commands.tickets import *
