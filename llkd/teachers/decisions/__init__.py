"""Decision models behind servers: a question with options, a probability for each of them."""
