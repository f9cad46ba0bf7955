"""The rows of a table, cut by entity into the shards of an encoded folder."""
