"""HAProxy with a configuration of the test's own.

Read next: `private.py`; `tests/deploy/`, which runs the shipped configurations.
"""

from tests.engines.private import PrivateServer, find_program


class HAProxy(PrivateServer):
    """One instance. `write(folder)` returns the text of its configuration; `port` is where it has to listen."""

    def __init__(self, write):
        super().__init__()
        self._write = write

    @property
    def config(self):
        return self.folder / "haproxy.cfg"

    def prepare(self):
        self.config.write_text(self._write(self.folder))

    def command(self):
        return [find_program("haproxy"), "-db", "-f", self.config]

    def check(self):
        """Return (whether the configuration is good, what it says about it)."""
        done = self.run(find_program("haproxy"), "-c", "-f", self.config)
        return done.returncode == 0, done.stdout + done.stderr
