"""The ways to evaluate: the options of each, and its result on the screen."""
