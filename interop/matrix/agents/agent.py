"""An agent on Python's websockets: "serve" prints its address, "connect URL"
comes back again and again until the server has no more for it. agent.go lists
the commands."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)

SETTINGS = {"max_size": 32 << 20, "subprotocols": ["interop.v1"], "compression": None}
watched = None
last = ""
asks = {}


class ServerFactory(ServerPerMessageDeflateFactory):
    """Answers each offer with what is to be asked for by then."""

    def __init__(self):
        pass

    def process_request_params(self, params, accepted_extensions):
        factory = ServerPerMessageDeflateFactory(**asks)
        return factory.process_request_params(params, accepted_extensions)


NAMES = {
    "serverNoContextTakeover": "server_no_context_takeover",
    "clientNoContextTakeover": "client_no_context_takeover",
    "serverMaxWindowBits": "server_max_window_bits",
    "clientMaxWindowBits": "client_max_window_bits",
}


async def ponged(ws, waiter, payload):
    try:
        await waiter
        await ws.send("pong " + payload)
    except ConnectionClosed:
        pass


async def hear(ws, message):
    global watched, last, asks
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
    elif command == "!compress":
        asks = {NAMES[name]: value for name, value in json.loads(rest).items()}
        await ws.send("from the next connection on")
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
        async with serve(obey, "127.0.0.1", 0, extensions=[ServerFactory()], **SETTINGS) as server:
            host, port = server.sockets[0].getsockname()
            print(f"{host}:{port}", flush=True)
            await asyncio.Future()
    while True:
        try:
            offer = ClientPerMessageDeflateFactory(**asks)
            async with connect(url, extensions=[offer], proxy=None, **SETTINGS) as ws:
                await obey(ws)
        except InvalidStatus as refusal:
            sys.exit(str(refusal))


asyncio.run(main(*sys.argv[1:]))
