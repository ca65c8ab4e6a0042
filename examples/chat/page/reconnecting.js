// ReconnectingSocket: a browser's WebSocket that comes back.
//
// One file of plain JavaScript without dependencies (MIT licence). Take it, and
// load it as a module:
//
//   import { ReconnectingSocket } from "./reconnecting.js";
//
//   const socket = new ReconnectingSocket("/room");
//   socket.addEventListener("message", ({ detail }) => show(detail.data, detail.seq));
//   socket.addEventListener("state", ({ detail }) => paint(detail.state));
//   socket.addEventListener("lost", () => reload());
//   socket.send(id, text);       // kept until socket.acknowledge(id)
//
// What it does:
//
//   - It connects again after every loss, after a random time between 0 and
//     min(cap, base * factor^n): exponential backoff with full jitter, so that
//     those who lost the same server don't come back as one. n begins anew only
//     after a connection that was stable.
//   - It resumes. Its first message on each connection is "since N", N being the
//     last number that it has seen, or 0. The server answers with "N data" for
//     what came after; what comes twice is dropped. Where the server's history
//     doesn't reach back it says "lost N": what follows comes after N. The Go
//     side is ServeTopic of package reconnect, with a topic of package hub.
//   - It keeps what you send until you acknowledge it, and sends it again on
//     each new connection, in order. The server must know messages that come
//     twice by their id, which you put into them.
//   - It notices when a connection is dead although the browser doesn't, if you
//     give it something to ask the server (options.probe): a page can't send
//     pings.
//   - It tries at once when the browser says that the network is back.
//
// States: "connecting"; "open"; "waiting" for the next attempt; "closed", by
// close() or because another attempt wouldn't help.

const defaults = {
  protocols: [],         // subprotocols to offer
  base: 1000,            // milliseconds; bound of the first delay
  cap: 30_000,           // milliseconds; bound of every delay
  factor: 2,             // growth of the bound
  stableAfter: 10_000,   // milliseconds; so long open, and the backoff begins anew
  connectTimeout: 10_000, // milliseconds; for one attempt
  hello: () => [],       // messages to send behind "since N" on each connection
  probe: null,           // message that the server answers with any message
  probeAfter: 25_000,    // milliseconds without a message before the probe is sent
  probeTimeout: 10_000,  // milliseconds for the answer
  maxUnacknowledged: 1000, // messages that send() keeps
  fatal: (code) => [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003].includes(code),
};

export class ReconnectingSocket extends EventTarget {
  #url;
  #options;
  #state = "connecting";
  #socket = null;
  #attempt = 0; // n of the next delay
  #last = 0n; // numbers have up to 64 bits
  #outbox = new Map(); // id to message, oldest first
  #retryTimer = 0;
  #connectTimer = 0;
  #stableTimer = 0;
  #probeTimer = 0;
  #wake = () => this.wake();
  #offline = () => this.#socket && this.#state === "open" && this.#drop("the network is gone");

  // url is a string or URL, relative to the page, or a function that returns
  // one and is called before each attempt. http and https mean ws and wss.
  constructor(url, options = {}) {
    super();
    this.#url = typeof url === "function" ? url : () => url;
    this.#options = { ...defaults, ...options };
    addEventListener("online", this.#wake);
    addEventListener("offline", this.#offline);
    // The first "state" event comes after the caller has added its listeners.
    this.#retryTimer = setTimeout(() => this.#connect(), 0);
  }

  get state() { return this.#state; }

  // The last number seen, a BigInt.
  get last() { return this.#last; }

  // How many messages are not acknowledged.
  get unacknowledged() { return this.#outbox.size; }

  // send keeps a message until acknowledge(id), and sends it now if there is a
  // connection. It returns false when it keeps too many, or is closed.
  send(id, data) {
    if (this.#state === "closed" || this.#outbox.size >= this.#options.maxUnacknowledged) return false;
    this.#outbox.set(id, data);
    if (this.#state === "open") this.#socket.send(data);
    return true;
  }

  // acknowledge forgets a message that the server has, and reports whether it
  // was waited for.
  acknowledge(id) { return this.#outbox.delete(id); }

  // wake ends the wait for the next attempt: for a button. Don't call it on a
  // signal that all clients get from the server at once.
  wake() {
    if (this.#state === "waiting") this.#connect();
  }

  // restart ends the connection and connects at once, as after a change of
  // what the url function returns.
  restart() {
    if (this.#state === "closed") return;
    this.#release()?.close(1000);
    this.#connect();
  }

  // close ends it for good.
  close(code = 1000, reason = "") {
    const socket = this.#release();
    this.#end({ code, reason });
    socket?.close(code, reason);
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#enter("connecting");
    let socket;
    try {
      const url = new URL(this.#url(), location.href);
      url.protocol = url.protocol.replace("http", "ws");
      socket = new WebSocket(url, this.#options.protocols);
    } catch (error) { // a URL or subprotocol that can't work
      this.#end({ code: 0, reason: String(error) });
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason);
    this.#connectTimer = setTimeout(() => this.#drop("no connection in time"), this.#options.connectTimeout);
  }

  #opened() {
    clearTimeout(this.#connectTimer);
    this.#stableTimer = setTimeout(() => { this.#attempt = 0; }, this.#options.stableAfter);
    this.#socket.send(`since ${this.#last}`);
    for (const message of this.#options.hello()) this.#socket.send(message);
    for (const message of this.#outbox.values()) this.#socket.send(message);
    this.#watch();
    this.#enter("open");
  }

  #received(data) {
    this.#watch();
    const [, seq, rest] = (typeof data === "string" && /^(\d+) (.*)$/s.exec(data)) || [];
    if (seq !== undefined) {
      const number = BigInt(seq);
      if (number <= this.#last) return; // has been here
      const gap = this.#last !== 0n && number !== this.#last + 1n;
      this.#last = number;
      if (gap) this.#emit("lost", {});
      this.#emit("message", { seq: number, data: rest });
      return;
    }
    const lost = typeof data === "string" && /^lost (\d+)$/.exec(data);
    if (lost) {
      this.#last = BigInt(lost[1]);
      this.#emit("lost", {});
      return;
    }
    this.#emit("message", { seq: null, data });
  }

  // watch begins the wait for the next sign of life anew.
  #watch() {
    clearTimeout(this.#probeTimer);
    if (this.#options.probe === null) return;
    this.#probeTimer = setTimeout(() => {
      this.#socket.send(this.#options.probe);
      this.#probeTimer = setTimeout(() => this.#drop("no sign of life"), this.#options.probeTimeout);
    }, this.#options.probeAfter);
  }

  // drop gives a connection up. It doesn't wait for the browser's close event,
  // which takes long when nobody answers.
  #drop(reason) {
    const socket = this.#release();
    socket?.close();
    this.#lost(1006, reason);
  }

  #lost(code, reason) {
    this.#release();
    if (this.#options.fatal(code)) {
      this.#end({ code, reason });
      return;
    }
    const { base, cap, factor } = this.#options;
    const delay = Math.random() * Math.min(cap, base * factor ** this.#attempt);
    this.#attempt++;
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
    this.#enter("waiting", { code, reason, delay });
  }

  // release takes the socket out, with its timers, and returns it.
  #release() {
    for (const timer of [this.#retryTimer, this.#connectTimer, this.#stableTimer, this.#probeTimer]) clearTimeout(timer);
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = null;
    return socket;
  }

  #end(why) {
    removeEventListener("online", this.#wake);
    removeEventListener("offline", this.#offline);
    this.#enter("closed", why);
  }

  #enter(state, detail = {}) {
    this.#state = state;
    this.#emit("state", { state, attempt: this.#attempt, ...detail });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
