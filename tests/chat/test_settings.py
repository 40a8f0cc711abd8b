"""The numbers of the chat."""

from wsserver.chat.settings import ChatSettings


def test_the_defaults_are_those_of_the_protocol() -> None:
    settings = ChatSettings()
    assert (settings.recovery_limit, settings.leave_grace_s, settings.names) == (1000, 5.0, 100)
    assert (settings.channels_per_client, settings.max_message) == (128, 64 * 1024)
    assert settings.server.startswith("wsserver/")
