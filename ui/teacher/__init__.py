"""The parts of the Teacher page."""
