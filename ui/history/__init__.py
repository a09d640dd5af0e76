"""Who decided what: the parts of the page."""
