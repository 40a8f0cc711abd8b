"""/echo and /chat with picows, on uvloop.

python picows_server.py PORT
"""

import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server
from rooms import Rooms

rooms = Rooms()


class Echo(WSListener):
    """Sends everything back."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame has come."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())


class Chat(WSListener):
    """One client of the chat."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame has come."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
            return
        event, channel, for_all = rooms.hear(transport, frame.get_payload_as_bytes())
        for member in channel.members if for_all else (transport,):
            member.send(WSMsgType.TEXT, event)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """It has gone."""
        rooms.forget(transport)


def choose(request: WSUpgradeRequest) -> WSListener:
    """Return who serves a path."""
    return Echo() if request.path == b"/echo" else Chat()


async def main() -> None:
    """Serve until somebody ends the process."""
    server = await ws_create_server(choose, "127.0.0.1", int(sys.argv[1]), backlog=2048)
    print("ready", flush=True)
    await server.serve_forever()


uvloop.run(main())
