"""NATS JetStream: the bus, the streams, the pull loop."""
