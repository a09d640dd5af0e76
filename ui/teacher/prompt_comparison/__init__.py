"""Several ways to ask, compared on the same texts."""
