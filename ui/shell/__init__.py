"""What every page shares: the opening call, login, errors, wording, cached reads, job cards."""
