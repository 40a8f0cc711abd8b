"""What can be wrong with a run before it begins.

Read next: `options.py`, which raises it.
"""


class UsageError(Exception):
    """A run that nobody can do, or that nobody should. Its text is one sentence that says what to change."""
