"""The one kind of trouble that a configuration can make.

Read next: `kinds.py`.
"""


class ConfigError(Exception):
    """A setting that nobody can honour. Its text is one sentence for a person, with the place (`file:line`, flag)."""

    def __init__(self, sentence: str) -> None:
        """Take a sentence that may quote anything; what is not printable is escaped, so it stays one line."""
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in sentence))
