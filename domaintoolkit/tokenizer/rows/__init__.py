"""The rows of a table on their way into and out of streams: types, order, ties."""
