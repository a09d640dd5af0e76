"""One student trained by several processes of one machine, each on a device or cores of its own.

The run's own process is rank 0. It alone holds the run: it walks the batches, decides which texts
train, writes logs and checkpoints. The other ranks hold the student and its optimiser, get texts as
token ids and answer with logits or gradients, so a run with any number of them selects what one
process selects. Importing this package loads no torch.
"""
