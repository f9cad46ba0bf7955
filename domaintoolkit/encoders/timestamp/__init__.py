"""Instants as calendar parts and as time since the previous event."""
