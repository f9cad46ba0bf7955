"""The windows of an encoded folder as batches that a model takes."""
