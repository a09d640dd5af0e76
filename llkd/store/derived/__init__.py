"""What is made from the texts and can be made again: embeddings, probes, searches."""
