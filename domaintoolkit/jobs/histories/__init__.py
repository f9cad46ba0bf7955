"""Encoded histories, read back: their rows, their limits, and rows compared with them."""
