"""One project out of a home and into another: its records, its files, and their numbers."""
