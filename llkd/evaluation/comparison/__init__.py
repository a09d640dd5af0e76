"""Arms, rivals and single runs held against one another, and what the differences show."""
