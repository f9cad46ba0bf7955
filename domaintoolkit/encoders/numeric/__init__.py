"""Numbers as buckets."""
