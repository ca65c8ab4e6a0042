// An agent on the WebSocket that browsers and Node have: obey(url) comes back
// again and again until the server has no more for it. agent.go lists the
// commands; this API can't ping, fragment or drop.
export async function obey(url) {
  let watched;
  let last = "";
  for (;;) {
    const ws = new WebSocket(url, "interop.v1");
    ws.binaryType = "arraybuffer";
    let opened = false;
    ws.onopen = () => {
      opened = true;
    };
    ws.onmessage = ({ data }) => {
      const [command, code, ...reason] = typeof data === "string" ? data.split(" ") : [];
      if (command === "!watch") {
        watched = ws;
        last = "";
        ws.send("watching");
      } else if (command === "!last") {
        ws.send(last);
      } else if (command === "!close") {
        code === "1005" ? ws.close() : ws.close(Number(code), reason.join(" "));
      } else {
        ws.send(data);
      }
    };
    await new Promise((resolve) => {
      ws.onerror = () => opened || resolve(); // not every one closes as well
      ws.onclose = ({ code, reason }) => {
        if (watched === ws) {
          last = `${code} ${reason}`;
        }
        resolve();
      };
    });
    if (!opened) {
      return;
    }
  }
}
