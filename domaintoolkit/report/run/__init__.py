"""The page of a training run: how it went, what the model has learned, and what to try next."""
