"""What the pages share: the opening call, cached reads, error display, wording, job cards."""
