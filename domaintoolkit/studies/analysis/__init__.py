"""Conclusions from the table of a study: laws, differences, and verdicts on what others have found."""
