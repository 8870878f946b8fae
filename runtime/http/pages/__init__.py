"""Pages for people, rendered on the server by the handlers that answer programs."""
