"""Everything that runs the functions: transports, storage, wiring, and the local servers."""
