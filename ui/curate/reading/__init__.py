"""What is read beside the plane: which list, which of its texts, and the card that shows it."""
