"""Used only by ``eps broker`` and its runbooks."""
