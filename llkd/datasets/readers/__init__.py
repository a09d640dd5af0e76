"""One reader for each file format: bytes in, a table of strings out."""
