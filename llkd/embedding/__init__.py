"""The pool's embeddings by a frozen encoder, and the nearest texts by them."""
