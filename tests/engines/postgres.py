"""A private PostgreSQL: a cluster of its own that does not wait for the disk.

    with Postgres() as server:
        url = server.new_database()             # an empty one; postgresql://...
        server.query(url, "SELECT 1")           # [("1",)], as another program asks
        server.crash(); server.start()          # as `pg_ctl stop -m immediate` does it

Read next: `private.py`.
"""

import contextlib
import os
import signal
from datetime import UTC, datetime, timedelta
from glob import glob

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import pq

from tests.engines.private import PrivateServer, find_program

USER = "wsserver"
DAY = timedelta(days=1)

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
    "autovacuum": "off",
    "logging_collector": "off",
    "max_prepared_transactions": "0",
    "timezone": "UTC",
}
"""As quick as it can be: what a cluster keeps here is worth nothing when the machine loses power."""


def tool(name):
    """Return the path of one of PostgreSQL's programs; Debian keeps them out of PATH, a folder for each version."""
    return find_program(name, *sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True))


class Postgres(PrivateServer):
    """One cluster. Its one user needs no password, and may do everything."""

    end_signal = signal.SIGINT
    """Its "fast" end: sessions are ended, nothing is lost (postgres(1))."""

    def __init__(self, **settings):
        super().__init__()
        self.settings = {**SETTINGS, **settings}
        self._databases = 0

    def prepare(self):
        made = self.run(
            tool("initdb"), "-D", self.folder / "data", "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8",
            "--locale=C", "--no-instructions",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr

    def command(self):
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in self.settings.items()]
        places = ["-D", self.folder / "data", "-p", self.port, "-k", self.folder]
        return [tool("postgres"), *places, *flags]

    def answers(self):
        return pq.PGconn.ping(self.url().encode()) == pq.Ping.OK

    def url(self, database="postgres", port=None):
        """Return the address of a database; `port` is that of a proxy, for instance."""
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}"

    def new_database(self):
        """Make an empty database and return its name."""
        self._databases += 1
        name = f"chat_{os.getpid()}_{self._databases}"
        self.query(self.url(), f"CREATE DATABASE {name}")
        return name

    def query(self, url, statement, *values):
        """Ask something, as another program does; rows of strings and None."""
        connection = self.connect(url)
        try:
            result = connection.exec_params(
                statement.encode(), [None if value is None else str(value).encode() for value in values]
            )
            good = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
            assert result.status in good, result.get_error_message()
            return [
                tuple(
                    None if (cell := result.get_value(row, column)) is None else cell.decode()
                    for column in range(result.nfields)
                )
                for row in range(result.ntuples)
            ]
        finally:
            connection.finish()

    def connect(self, url):
        """Return a session that is asked with `exec_`, for what takes several questions."""
        connection = pq.PGconn.connect(url.encode())
        assert connection.status == pq.ConnStatus.OK, connection.get_error_message()
        connection.notice_handler = None
        return connection

    def crash(self):
        """End it at once, so that the next start has to recover (`pg_ctl stop -m immediate`)."""
        self.resume()
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)
        self.process = None


class SecurePostgres(Postgres):
    """One that speaks TLS, with a certificate for the name `localhost`, which is its own authority."""

    def __init__(self):
        self.certificate = ""
        super().__init__(ssl="on")

    def prepare(self):
        super().prepare()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate = self.folder / "data" / "server.crt"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        secret = self.folder / "data" / "server.key"
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
        secret.chmod(0o600)
        for path in (self.certificate, secret):
            self.own(path)


class Database:
    """One database of a cluster, as a test looks into it past the server."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.url = server.url(name)

    def __call__(self, statement, *values):
        return self.server.query(self.url, statement, *values)

    @contextlib.contextmanager
    def holding(self, statement):
        """Keep a transaction open behind a statement: whatever it locks stays locked."""
        session = self.server.connect(self.url)
        try:
            for step in ("BEGIN", statement):
                result = session.exec_(step.encode())
                assert not result.error_message, result.error_message
            yield
        finally:
            session.finish()
