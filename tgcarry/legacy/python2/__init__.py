"""Python 2 programs on Python 3: told apart, translated, and given Python 2's built-ins."""
