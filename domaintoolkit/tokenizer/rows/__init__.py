"""The rows of a table before encoding and after decoding: types, order, ties."""
