"""The page of an encoded folder: its fields, its vocabulary, and its histories."""
