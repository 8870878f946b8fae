"""The logs of the processes of ``eps up``."""
