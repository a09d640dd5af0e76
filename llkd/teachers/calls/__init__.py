"""Calls to servers, of whatever interface: one try, many tries, many texts at a time."""
