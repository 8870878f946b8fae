"""The collectors' real loop with a broker, a database and a clock that do what a schedule says."""
