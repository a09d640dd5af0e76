"""Classes asked for by name: scored by the tokens that begin their names."""
