"""The work that ``benchmarks/faults.py`` kills, and what must hold after each kill."""
