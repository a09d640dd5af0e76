"""A student that answers what it is certified for, in front of a teacher that answers the rest."""
