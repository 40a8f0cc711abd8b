"""nginx with a configuration of the test's own.

Read next: `private.py`; `tests/deploy/`, which runs the shipped configuration.
"""

from tests.engines.private import PrivateServer, find_program

TEMPORARY = "".join(f"{kind}_temp_path {kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
"""Where it keeps what does not fit into memory: its folder, not that of the machine's own nginx."""


class Nginx(PrivateServer):
    """One instance. `write(folder)` returns the text of its configuration; `port` is where it has to listen."""

    def __init__(self, write):
        super().__init__()
        self._write = write

    @property
    def config(self):
        return self.folder / "nginx.conf"

    def prepare(self):
        text = self._write(self.folder)
        assert text.count("\nhttp {\n") == 1
        self.config.write_text(text.replace("\nhttp {\n", f"\nhttp {{\n{TEMPORARY}"))

    def command(self):
        return [*self._base(), "-g", "daemon off;"]

    def check(self):
        """Return (whether the configuration is good, what it says about it)."""
        done = self.run(*self._base(), "-t")
        return done.returncode == 0, done.stderr

    def _base(self):
        return [find_program("nginx"), "-p", self.folder, "-c", self.config, "-e", self.folder / "error.log"]
