"""/echo and /chat with aiohttp, on uvloop, without compression.

python aiohttp_server.py PORT
"""

import asyncio
import sys

import uvloop
from aiohttp import WSMsgType, web
from rooms import Rooms

rooms = Rooms()


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Send everything back."""
    ws = web.WebSocketResponse(compress=False)
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            await ws.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await ws.send_bytes(message.data)
    return ws


async def chat(request: web.Request) -> web.WebSocketResponse:
    """Serve one client of the chat."""
    ws = web.WebSocketResponse(compress=False)
    await ws.prepare(request)
    try:
        async for message in ws:
            if message.type == WSMsgType.TEXT:
                event, channel, for_all = rooms.hear(ws, message.data)
                for member in list(channel.members) if for_all else [ws]:
                    await send(member, event)
    finally:
        rooms.forget(ws)
    return ws


async def send(ws: web.WebSocketResponse, event: bytes) -> None:
    """Send to who may have gone."""
    try:
        await ws.send_frame(event, WSMsgType.TEXT)
    except ConnectionError:
        pass


async def main() -> None:
    """Serve until somebody ends the process."""
    app = web.Application()
    app.add_routes([web.get("/echo", echo), web.get("/chat", chat)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1]), backlog=2048).start()
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


uvloop.run(main())
