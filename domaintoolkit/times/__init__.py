"""Times in integers: the calendar, the offsets of time zones, and intervals of instants."""

from domaintoolkit.times.zones import ZoneTable, zone_table

__all__ = ["ZoneTable", "zone_table"]
