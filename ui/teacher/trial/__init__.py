"""A dry run on a few texts, and what all would take."""
