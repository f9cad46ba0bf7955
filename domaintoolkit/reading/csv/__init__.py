"""CSV text into columns of undecoded values."""
