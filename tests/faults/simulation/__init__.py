"""The collectors' real loop with a broker, a database and a clock that follow a schedule."""
