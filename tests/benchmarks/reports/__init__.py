"""Reports over a year of events: what each answer takes, and that it is right."""
