"""Asking a server in batches: half the price, answers within a day, nothing paid for twice."""
