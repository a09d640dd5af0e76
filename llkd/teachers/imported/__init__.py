"""Labels of another tool as a teacher: read from a file, matched by text or id."""
