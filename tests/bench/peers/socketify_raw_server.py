"""uWebSockets under Python as the bare broadcaster: every message goes to everybody, as it is, without JSON or rooms.

python socketify_raw_server.py PORT
"""

import sys
from typing import Any

from socketify import App, AppListenOptions, CompressOptions, OpCode

app = App()


def on_open(ws: Any) -> None:
    """Take a client in."""
    ws.subscribe("all")


def on_message(ws: Any, message: Any, opcode: Any) -> None:
    """Publish it."""
    app.publish("all", message, OpCode.TEXT)


COMMON = {"compression": CompressOptions.DISABLED, "max_payload_length": 16 << 20, "idle_timeout": 960}
app.ws("/chat", {**COMMON, "open": on_open, "message": on_message})
app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"), lambda config: print("ready", flush=True))
app.run()
