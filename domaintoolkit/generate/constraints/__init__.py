"""The tokens that may come next, so that a history decodes and encodes to itself."""
