"""The map of a run: embeddings of histories in two dimensions, their colours, and how well groups part."""
