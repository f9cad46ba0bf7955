"""Free text as learned pieces and bytes."""
