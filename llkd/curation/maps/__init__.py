"""The map of a pool: where its texts stand, the groups and topics there, and their words."""
