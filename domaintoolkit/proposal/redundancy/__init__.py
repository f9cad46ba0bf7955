"""Columns that say nothing of their own, each with the reason."""
