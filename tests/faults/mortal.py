"""Imported first by the process that the instances are forked from, and by no other: it dies with its parent."""

from tests.faults.instances import die_with_parent

die_with_parent()
