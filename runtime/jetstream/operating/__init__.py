"""What only ``eps broker`` and its runbooks need."""
