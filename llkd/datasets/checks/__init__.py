"""What is looked at in the records of a file before anything is stored."""
