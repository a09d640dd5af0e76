"""Separated values as tables."""
