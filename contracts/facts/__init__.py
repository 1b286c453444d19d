"""What happens outside and is published to the inbox; the owning service records each under the same name."""

from contracts.base import Category as Category
from contracts.base import Language as Language
from contracts.facts.callers import *
from contracts.facts.callers import Complexity as Complexity
from contracts.facts.calls import *
from contracts.facts.others import *
from contracts.facts.others import EARLIEST as EARLIEST
from contracts.facts.others import LATEST as LATEST
