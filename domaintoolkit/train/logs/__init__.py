"""What a run writes down of its course."""
