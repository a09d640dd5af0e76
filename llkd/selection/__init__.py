"""Which texts a student is trained on: signals, thresholds and strategies; pure and torch-free."""
