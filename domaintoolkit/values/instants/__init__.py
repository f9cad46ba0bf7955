"""Instants: int64 microseconds since the epoch, UTC, from columns and from single values of every supported type."""
