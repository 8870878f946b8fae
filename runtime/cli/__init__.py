"""The command line ``eps``: each command lives in the file of its name."""
