"""Training runs as pages show them."""
