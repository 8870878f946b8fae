"""The command line: ``eps``; a command is the file of its name."""
