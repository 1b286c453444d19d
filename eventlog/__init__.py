"""The log: JetStream as an event store, and the loop of a service that decides and commits on it."""
