"""The teacher and what it is asked: choice, question, extent, start."""
