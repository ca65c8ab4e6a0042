// An agent on npm's ws: "serve" prints its URL, "connect URL" comes back
// again and again until the server has no more for it. agent.go lists the
// commands.
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";

const big = 32 * 1024 * 1024;
const parts = ["a", "b", "c"].map((letter) => letter.repeat(200_000));
let watched;
let last = "";
let asks = {};

function obey(ws) {
  ws.on("error", () => {}); // "close" follows
  ws.on("pong", (payload) => ws.send("pong " + payload));
  ws.on("close", (code, reason) => {
    if (watched === ws) {
      last = `${code} ${reason}`;
    }
  });
  ws.on("message", (data, isBinary) => {
    const text = isBinary ? "" : data.toString();
    const [command, code, ...reason] = text.split(" ");
    switch (command) {
      case "!ping":
        return ws.ping("are you there");
      case "!fragments":
        parts.forEach((part, i) => ws.send(part, { fin: i === 2, compress: false }));
        return;
      case "!close":
        return code === "1005" ? ws.close() : ws.close(Number(code), reason.join(" "));
      case "!drop":
        return ws.terminate();
      case "!watch":
        watched = ws;
        last = "";
        return ws.send("watching");
      case "!compress":
        asks = JSON.parse(text.slice(text.indexOf(" ")));
        return ws.send("from the next connection on");
      case "!last":
        return ws.send(last);
      default:
        return ws.send(data, { binary: isBinary });
    }
  });
}

const options = () => ({ maxPayload: big, perMessageDeflate: { ...asks, threshold: 0 } });
const handleProtocols = (offered) => (offered.has("interop.v1") ? "interop.v1" : false);
const [mode, url] = process.argv.slice(2);
if (mode === "serve") {
  const server = createServer();
  server.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
  server.on("upgrade", (request, socket, head) => {
    new WebSocketServer({ noServer: true, handleProtocols, ...options() }).handleUpgrade(request, socket, head, obey);
  });
} else {
  for (;;) {
    const ws = new WebSocket(url, ["interop.v1"], options());
    obey(ws);
    let refused;
    ws.on("error", (err) => {
      refused = err;
    });
    const opened = await new Promise((resolve) => {
      let open = false;
      ws.on("open", () => {
        open = true;
      });
      ws.on("close", () => resolve(open));
    });
    if (!opened) {
      console.log(refused.message);
      process.exit(1);
    }
  }
}
