"""/echo and /chat with websockets: its asyncio server, its `broadcast`, no compression, no pings.

python websockets_server.py PORT
"""

import asyncio
import sys

import uvloop
from rooms import Rooms
from websockets.asyncio.server import ServerConnection, broadcast, serve

rooms = Rooms()


async def talk(connection: ServerConnection) -> None:
    """Serve one client to its end."""
    if connection.request is not None and connection.request.path == "/echo":
        async for message in connection:
            await connection.send(message)
        return
    try:
        async for message in connection:
            event, channel, for_all = rooms.hear(connection, message)
            if for_all:
                broadcast(channel.members, event.decode())
            else:
                await connection.send(event, text=True)
    finally:
        rooms.forget(connection)


async def main() -> None:
    """Serve until somebody ends the process."""
    async with serve(talk, "127.0.0.1", int(sys.argv[1]), compression=None, ping_interval=None, backlog=2048):
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


uvloop.run(main())
