"""A study's page and its summary."""
