"""Token mode as people run it: tokens from the command line or from another signer, shown through real sockets."""

import os
import subprocess
import sys
import time

import jwt
import pytest
import websocket
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.scenarios.running import PATIENCE_S, TOP, RunningServer, environment, run_to_its_end

SECRET = "a secret that nobody has to keep, in tests"

RULES = (
    "--set", "channels.staff.join=ann",
    "--set", 'channels."news:*".send=ann,bob',
    "--set", "channels.news:art.send=ann",
    "--set", "channels.news:*.history=0",
    "--set", "channels.*.queue_policy=drop-oldest",
)  # fmt: skip


@pytest.fixture(scope="module")
def server():
    running = RunningServer("--port", "0", "--set", "auth.mode=token", "--set", f"auth.secret={SECRET}", *RULES)
    yield running
    assert SECRET not in running.log
    assert "Traceback" not in running.log
    running.stop()


def token(user="ann", expires_s=3600, **claims):
    """A token as somebody's own program would make it."""
    return jwt.encode({"sub": user, "exp": time.time() + expires_s, **claims}, SECRET, "HS256")


def mint(*flags, env=None):
    """A token as `wsserver token` makes it: (exit code, standard output, standard error)."""
    done = subprocess.run(
        [sys.executable, "-m", "wsserver", "token", *flags],
        cwd=TOP,
        env={**environment(), "WSSERVER_AUTH_SECRET": SECRET, **(env or {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def enter(server, connect):
    """Make a client that has shown a token: enter("ann", channels=[...])."""

    def enter_one(user="ann", **claims):
        talker = connect(server)
        assert talker.ask("auth", token=token(user, **claims))["type"] == "ack"
        return talker

    return enter_one


def test_a_token_from_the_command_line_opens_the_chat(server, connect):
    code, printed, errors = mint("--user", "ann", "--expires", "90s", "--channel", "news:*", "--channel", "lobby")
    assert (code, errors, printed.count("\n")) == (0, "", 1)
    talker = connect(server)
    assert talker.welcome["user"] is None
    assert talker.ask("join", channel="lobby")["code"] == "auth_required"
    assert talker.ask("auth", token=printed.strip())["type"] == "ack"
    assert talker.join("lobby")["users"] == ["ann"]
    assert talker.ask("join", channel="other")["code"] == "forbidden"
    claims = jwt.decode(printed.strip(), SECRET, algorithms=["HS256"])
    assert claims["channels"] == ["news:*", "lobby"]
    assert 80 < claims["exp"] - time.time() < 91


def test_a_program_shows_its_token_in_the_upgrade(server, connect):
    talker = connect(server, header=["Authorization: Bearer " + token("bob")])
    assert talker.welcome["user"] == "bob"
    assert talker.join("lobby", "bob")["type"] == "joined"


def test_a_bad_token_is_closed_with_4501_whichever_way_it_comes(server, connect):
    bad = token(expires_s=-1)
    talker = connect(server)
    talker.say("auth", token=bad)
    assert talker.hear_close() == (4501, "the token has expired")
    talker = connect(server, header=["Authorization: Bearer " + bad])
    assert talker.welcome["user"] is None
    assert talker.hear_close() == (4501, "the token has expired")


def test_who_shows_no_token_in_time_is_closed_with_4501(start, connect):
    server = start("--set", "auth.mode=token", "--set", f"auth.secret={SECRET}", "--set", "auth.timeout=100ms")
    assert connect(server).hear_close() == (4501, "no token was shown in time")


def test_a_connection_ends_with_its_token_and_not_before(server, connect):
    talker, expires_at = connect(server), time.time() + 2
    talker.ask("auth", token=jwt.encode({"sub": "ann", "exp": expires_at}, SECRET, "HS256"))
    talker.join("lobby")
    assert talker.hear_close() == (4501, "the token has expired")
    assert time.time() >= expires_at - 0.001


def test_a_newer_token_lets_a_connection_go_on(server, enter):
    talker = enter("ann")
    talker.join("lobby")
    assert talker.ask("auth", token=token("ann", 7200))["type"] == "ack"
    assert talker.ask("auth", token=token("bob"))["code"] == "name_taken"
    assert talker.ask("join", channel="other", user="bob")["code"] == "name_taken"
    assert talker.ask("message", channel="lobby", text="still me")["type"] == "ack"


def test_a_narrower_token_leaves_channels(server, enter):
    talker = enter("ann")
    talker.join("lobby")
    talker.join("news:art")
    assert talker.ask("auth", token=token("ann", channels=["lobby"]))["type"] == "ack"
    assert talker.hear("error")["code"] == "forbidden"
    assert talker.hear("left")["channel"] == "news:art"
    assert talker.ask("message", channel="news:art", text="hi")["code"] == "forbidden"
    assert talker.ask("message", channel="lobby", text="hi")["type"] == "ack"


def test_channels_are_for_those_whom_the_operator_names(server, enter):
    ann, bob = enter("ann"), enter("bob")
    assert ann.join("staff")["type"] == "joined"
    assert bob.ask("join", channel="staff")["code"] == "forbidden"
    for talker in (ann, bob):
        talker.join("news:art")
        talker.join("news:sport")
    assert bob.ask("message", channel="news:art", text="no")["code"] == "forbidden"
    assert bob.ask("message", channel="news:sport", text="yes")["type"] == "ack"
    assert ann.ask("message", channel="news:art", text="yes")["type"] == "ack"
    assert bob.hear("message", channel="news:art")["text"] == "yes"


def test_a_channel_without_history_keeps_nothing_and_others_do(server, enter):
    talker = enter("ann")
    for channel, kept in (("news:sport2", []), ("lobby2", ["hi"])):
        talker.join(channel)
        talker.ask("message", channel=channel, text="hi")
        assert [message["text"] for message in talker.ask("history", channel=channel)["messages"]] == kept


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
def test_tokens_of_another_signer_are_checked_with_a_public_key(start, connect, tmp_path, kind):
    key = rsa.generate_private_key(65537, 2048) if kind == "RS256" else ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "signer.pem"
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    server = start("--set", "auth.mode=token", "--set", f"auth.public_key={file}", "--set", "auth.audience=here")
    claims = {"sub": "ann", "exp": time.time() + 60, "aud": "here"}
    talker = connect(server)
    assert talker.ask("auth", token=jwt.encode(claims, key, kind))["type"] == "ack"
    assert talker.join("lobby")["users"] == ["ann"]
    talker = connect(server)
    talker.say("auth", token=token("ann", aud="here"))
    assert talker.hear_close() == (4501, "the token is not good")


def test_a_token_does_not_belong_into_a_url(server):
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(server.ws() + "?token=" + token(), timeout=PATIENCE_S)
    assert caught.value.status_code == 400
    assert token()[:20] not in server.log


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "WSSERVER_AUTH_SECRET"),
        (("--set", "auth.secret=too short"), "needs at least 32"),
        (("--set", f"auth.secret={SECRET}", "--set", "auth.public_key=a.pem"), "both set"),
        (("--set", "auth.public_key=/nowhere/key.pem"), "cannot be read"),
        (("--set", f"auth.public_key={__file__}"), "is not a public key in PEM"),
    ],
)
def test_token_mode_does_not_start_without_a_key_to_rely_on(flags, told):
    code, printed, errors = run_to_its_end("--port", "0", "--set", "auth.mode=token", *flags)
    assert (code, printed) == (2, "")
    assert errors.count("\n") == 1
    assert told in errors
    assert "too short" not in errors


def test_without_the_library_token_mode_says_what_to_install_and_open_mode_runs():
    program = "import sys; sys.modules['jwt'] = None; from wsserver.cli import main; sys.exit(main(sys.argv[1:]))"
    for command in (["serve", "--port", "0", "--set", "auth.mode=token"], ["token", "--user", "ann"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *command],
            cwd=TOP,
            env={**environment(), "WSSERVER_AUTH_SECRET": SECRET},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith("pip install 'wsserver[auth]'\n")


def test_the_printed_configuration_shows_no_secret_and_is_good_as_a_file(tmp_path):
    command = [sys.executable, "-m", "wsserver"]
    env = {**os.environ, "WSSERVER_AUTH_SECRET": SECRET, "WSSERVER_AUTH_MODE": "token"}
    printed = subprocess.run([*command, "config", *RULES], cwd=TOP, env=env, capture_output=True, check=True).stdout
    assert SECRET.encode() not in printed
    file = tmp_path / "wsserver.toml"
    file.write_bytes(printed)
    subprocess.run([*command, "check-config", str(file)], cwd=TOP, env=environment(), capture_output=True, check=True)
