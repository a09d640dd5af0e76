"""Where model weights lie, which of them are read, and what must hold of any loaded model."""
