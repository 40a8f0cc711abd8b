"""/echo and /chat with socketify: uWebSockets, in C++, under Python. A channel is a topic of its own pub-sub.

python socketify_server.py PORT
"""

import itertools
import sys
from typing import Any

from rooms import Rooms
from socketify import App, AppListenOptions, CompressOptions, OpCode

rooms = Rooms()
numbers = itertools.count()
app = App()


def on_upgrade(answer: Any, request: Any, context: Any) -> None:
    """Take a client in, with a number to know it by."""
    key = request.get_header("sec-websocket-key")
    protocol = request.get_header("sec-websocket-protocol")
    extensions = request.get_header("sec-websocket-extensions")
    answer.upgrade(key, protocol, extensions, context, next(numbers))


def on_echo(ws: Any, message: Any, opcode: Any) -> None:
    """Send it back."""
    ws.send(message, opcode)


def on_chat(ws: Any, message: Any, opcode: Any) -> None:
    """Hear a client of the chat."""
    event, channel, for_all = rooms.hear(ws.get_user_data(), message)
    if for_all:
        app.publish(channel.name, event, OpCode.TEXT)
    else:
        ws.subscribe(channel.name)
        ws.send(event, OpCode.TEXT)


def on_close(ws: Any, code: int, message: Any) -> None:
    """It has gone."""
    rooms.forget(ws.get_user_data())


COMMON = {"compression": CompressOptions.DISABLED, "max_payload_length": 16 << 20, "idle_timeout": 960}
app.ws("/echo", {**COMMON, "message": on_echo})
app.ws("/chat", {**COMMON, "upgrade": on_upgrade, "message": on_chat, "close": on_close})
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"), lambda config: print("ready", flush=True))
app.run()
