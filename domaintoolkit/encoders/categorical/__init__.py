"""Categorical values: tokens for frequent values; other values are spelled or hashed."""
