"""The shipped configurations with other places in them: ports, folders, nodes. Nothing else of them is changed.

What is to be replaced has to be there, so that a test cannot pass beside a file that was changed.

Read next: `balanced.py`, which runs them.
"""

import shutil
import subprocess
from pathlib import Path

from tests.engines.private import find_program, free_port

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "docs" / "deploy"

NAME = "chat.example"
"""What the site is called in all of them."""


def shipped(name):
    """Return the text of a shipped file."""
    return (DEPLOY / name).read_text()


def replace(text, places):
    """Return `text` with other places: {what is written there: what is to stand there instead}."""
    for there, here in places.items():
        assert there in text, f"{there!r} does not stand in the shipped file any more"
        text = text.replace(there, str(here))
    return text


def make_certificate(folder):
    """Make a certificate for loopback and the site; return the paths of certificate, key, and both in one file."""
    certificate, key, both = (folder / name for name in ("fullchain.pem", "privkey.pem", "both.pem"))
    subprocess.run(
        [find_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    both.write_text(certificate.read_text() + key.read_text())
    for path in (key, both):
        path.chmod(0o644)  # the balancer runs as nobody
    return certificate, key, both


def nginx_conf(folder, port, nodes, certificate, timeout="75s"):
    """Return the shipped nginx.conf: listening on `port`, in front of `nodes` (ports), with its logs in `folder`."""
    here = folder / "tls"
    copy_certificate(certificate, here)
    return replace(
        shipped("nginx.conf"),
        {
            "user www-data;": "",
            "worker_processes auto;": "worker_processes 2;",
            "worker_rlimit_nofile 131072;": "",
            "worker_connections 65536;": "worker_connections 1024;",
            "/var/log/nginx": folder,
            "/run/nginx.pid": folder / "pid",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "/etc/ssl/chat.example": here,
            "10.0.0.11:8080": f"127.0.0.1:{nodes[0]}",
            "10.0.0.12:8080": f"127.0.0.1:{nodes[1]}",
            "_timeout 75s": f"_timeout {timeout}",
        },
    )


def haproxy_cfg(folder, port, nodes, certificate, timeout="75s"):
    """Return the shipped haproxy.cfg in the same way."""
    here = folder / "tls"
    copy_certificate(certificate, here)
    return replace(
        shipped("haproxy.cfg"),
        {
            "log /dev/log local0": "log stdout format raw local0",
            "maxconn 50000": "maxconn 1000",
            "/run/haproxy/admin.sock": folder / "admin.sock",
            "bind :80": f"bind 127.0.0.1:{free_port()}",
            "bind :443 ": f"bind 127.0.0.1:{port} ",
            "/etc/haproxy/chat.example.pem": here / "both.pem",
            "10.0.0.11:8080": f"127.0.0.1:{nodes[0]}",
            "10.0.0.12:8080": f"127.0.0.1:{nodes[1]}",
            " 75s ": f" {timeout} ",
            "timeout server 75s": f"timeout server {timeout}",
        },
    )


def haproxy_tcp_cfg(folder, port, nodes, _certificate, timeout="75s"):
    """Return the shipped haproxy-tcp.cfg in the same way."""
    return replace(
        shipped("haproxy-tcp.cfg"),
        {
            "log /dev/log local0": "log stdout format raw local0",
            "maxconn 50000": "maxconn 1000",
            "bind :443": f"bind 127.0.0.1:{port}",
            "10.0.0.11:8080": f"127.0.0.1:{nodes[0]}",
            "10.0.0.12:8080": f"127.0.0.1:{nodes[1]}",
            " 75s ": f" {timeout} ",
            "timeout server 75s": f"timeout server {timeout}",
        },
    )


def copy_certificate(certificate, folder):
    """Put a certificate where a balancer that is nobody may read it."""
    folder.mkdir(exist_ok=True)
    for path in certificate:
        shutil.copy(path, folder)
        (folder / path.name).chmod(0o644)
    folder.chmod(0o755)
