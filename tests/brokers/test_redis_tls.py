"""TLS to a real Redis: everything passes, and a certificate that is not good is refused."""

import socket
import ssl

import pytest

from tests.engines.private import find_program
from tests.engines.redis import Redis
from wsserver.brokers.redis_tls import client_context
from wsserver.chat.vocabulary import MessageEvent


class TlsRedis(Redis):
    def prepare(self):
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        made = self.run(
            *(find_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-keyout", self.folder / "key", "-out", self.folder / "cert", *subject),
        )
        assert made.returncode == 0, made.stderr

    def ports(self):
        cert = self.folder / "cert"
        files = ["--tls-cert-file", cert, "--tls-key-file", self.folder / "key", "--tls-ca-cert-file", cert]
        return ["--port", 0, "--tls-port", self.port, "--tls-auth-clients", "no", *files]

    def answers(self):
        socket.create_connection(("127.0.0.1", self.port), 5).close()
        return True

    def context(self):
        context = client_context()
        context.load_verify_locations(self.folder / "cert")
        return context


@pytest.fixture(scope="module")
def tls_redis():
    with TlsRedis() as server:
        yield server


def test_large_messages_pass_through_tls(rig, tls_redis):
    url = f"rediss://127.0.0.1:{tls_redis.port}"
    one, _ = rig.broker(url, context=tls_redis.context)
    two, node_two = rig.broker(url, context=tls_redis.context)
    rig.open(two, "c")
    messages = [MessageEvent("c", seq, "ann", chr(64 + seq % 60) * 60_000, 1) for seq in range(1, 51)]
    one.announce("c", "e", messages)
    rig.until(lambda: len(node_two.texts()) == 50)
    assert node_two.texts() == [message.text for message in messages]


def test_a_certificate_that_nobody_vouches_for_is_refused_with_a_sentence(rig, tls_redis):
    broker, _ = rig.broker(f"rediss://127.0.0.1:{tls_redis.port}", wait=False)
    rig.until(lambda: "certificate" in (broker.trouble or ""))
    assert not broker.up


def test_old_versions_are_not_spoken():
    context = client_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED
