"""OpenAI-compatible servers as teachers."""
