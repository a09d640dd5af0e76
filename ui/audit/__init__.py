"""The blind audit on Curate: a panel that begins one, its desk, and what it says in words."""
