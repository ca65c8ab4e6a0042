"""An agent on Python's websockets: "serve" prints its address, "connect URL"
comes back again and again until the server has no more for it. agent.go lists
the commands."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

BIG = 32 << 20
SUBPROTOCOLS = ["interop.v1"]
watched = None
last = ""


async def ponged(ws, waiter, payload):
    try:
        await waiter
        await ws.send("pong " + payload)
    except ConnectionClosed:
        pass


async def hear(ws, message):
    global watched, last
    command, _, rest = message.partition(" ") if isinstance(message, str) else ("", "", "")
    if command == "!ping":
        waiter = await ws.ping("are you there")
        ws.waiting = asyncio.create_task(ponged(ws, waiter, "are you there"))
    elif command == "!fragments":
        await ws.send(letter * 200_000 for letter in "abc")
    elif command == "!close":
        code, _, reason = rest.partition(" ")
        await ws.close(None if code == "1005" else int(code), reason)
    elif command == "!drop":
        ws.transport.abort()
    elif command == "!watch":
        watched, last = ws, ""
        await ws.send("watching")
    elif command == "!last":
        await ws.send(last)
    else:
        await ws.send(message)


async def obey(ws):
    global last
    try:
        async for message in ws:
            await hear(ws, message)
    except ConnectionClosed:
        pass
    await ws.wait_closed()
    received = ws.protocol.close_rcvd
    if watched is ws:
        last = f"{received.code} {received.reason}" if received else "1006 "


async def main(mode, url=""):
    if mode == "serve":
        async with serve(obey, "127.0.0.1", 0, max_size=BIG, subprotocols=SUBPROTOCOLS) as server:
            host, port = server.sockets[0].getsockname()
            print(f"{host}:{port}", flush=True)
            await asyncio.Future()
    while True:
        try:
            async with connect(url, max_size=BIG, subprotocols=SUBPROTOCOLS, proxy=None) as ws:
                await obey(ws)
        except InvalidStatus as refusal:
            sys.exit(str(refusal))


asyncio.run(main(*sys.argv[1:]))
