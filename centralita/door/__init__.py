"""The HTTP door: what can be done over NATS, over HTTP. It holds no state; as many may run as one likes."""
