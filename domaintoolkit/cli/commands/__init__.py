"""One module per command; it is imported when the command is called."""
