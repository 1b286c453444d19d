"""Tickets: the cases, what happened to them, and which calls owe one."""
