"""Several people: names, what others said, blind second labels, disputes and who settles them."""
