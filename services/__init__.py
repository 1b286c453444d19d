"""The four services of a call centre: intake, routing, tickets and sla."""
