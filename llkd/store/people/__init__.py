"""Several people on one project: whose word stands, blind second labels, names of browsers."""
