"""Causal language models on this machine as teachers."""
