"""Pages for people: made on the server, of the handlers that answer programs."""
