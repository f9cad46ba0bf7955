"""One column by itself: its name, its values, and the settings of a reader that read them."""
