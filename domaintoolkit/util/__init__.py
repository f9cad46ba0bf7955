"""Helpers that know nothing of events: checked files, hashes, offsets with values, threads."""
