// ReconnectingSocket of examples/chat against a WebSocket and a clock that the
// test drives.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { ReconnectingSocket } from "./reconnecting.js";

let sockets; // every WebSocket made, oldest first
let page; // what the window tells: online, offline

class FakeSocket {
  sent = [];
  constructor(url, protocols) {
    Object.assign(this, { url: String(url), protocols });
    sockets.push(this);
  }
  send(data) { this.sent.push(data); }
  close(code) { this.closed = code ?? "closed"; }
  // What the network does:
  open() { this.onopen(); }
  receive(data) { this.onmessage?.({ data }); }
  lose(code = 1006, reason = "") { this.onclose?.({ code, reason }); }
}

beforeEach(() => {
  sockets = [];
  page = new EventTarget();
  Object.assign(globalThis, {
    WebSocket: FakeSocket,
    location: { href: "https://example.com/chat/" },
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
  });
  globalThis.CustomEvent ??= class extends Event {
    constructor(type, { detail }) { super(type); this.detail = detail; }
  };
  mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach(() => { mock.reset(); mock.timers.reset(); });

// start returns a socket and what it tells.
function start(options) {
  const socket = new ReconnectingSocket("room", options);
  const told = { states: [], delays: [], messages: [], lost: 0 };
  socket.addEventListener("state", ({ detail }) => {
    told.states.push(detail.state);
    if (detail.delay !== undefined) told.delays.push(detail.delay);
  });
  socket.addEventListener("message", ({ detail }) => told.messages.push(detail));
  socket.addEventListener("lost", () => told.lost++);
  mock.timers.tick(1);
  return { socket, told };
}
const latest = () => sockets.at(-1);

test("connects relative to the page, and says where it is", () => {
  const { socket, told } = start({ protocols: ["a"], hello: () => ["hi"] });
  assert.equal(latest().url, "wss://example.com/chat/room");
  assert.deepEqual(latest().protocols, ["a"]);
  latest().open();
  assert.deepEqual(latest().sent, ["since 0", "hi"]);
  assert.deepEqual(told.states, ["connecting", "open"]);
  assert.equal(socket.state, "open");
});

test("the whole delay is random, below a bound that doubles up to the cap", () => {
  for (const [random, share] of [[0, 0], [0.5, 0.5], [0.999, 0.999]]) {
    mock.method(Math, "random", () => random);
    const { socket, told } = start({ base: 1000, cap: 5000 });
    for (let i = 0; i < 5; i++) {
      latest().lose();
      mock.timers.tick(5000);
    }
    assert.deepEqual(told.delays, [1000, 2000, 4000, 5000, 5000].map((bound) => bound * share));
    socket.close();
  }
});

test("the next attempt is neither early nor late", () => {
  mock.method(Math, "random", () => 0.5);
  start();
  latest().lose();
  mock.timers.tick(499);
  assert.equal(sockets.length, 1);
  mock.timers.tick(1);
  assert.equal(sockets.length, 2);
});

test("the backoff begins anew only after a stable connection", () => {
  mock.method(Math, "random", () => 0.5);
  const { told } = start({ stableAfter: 10_000 });
  for (const open of [9_999, 9_999, 10_000, 0]) {
    latest().open();
    mock.timers.tick(open);
    latest().lose();
    mock.timers.tick(told.delays.at(-1));
  }
  assert.deepEqual(told.delays, [500, 1000, 500, 1000]);
});

test("an attempt that takes too long is given up", () => {
  mock.method(Math, "random", () => 0.5);
  const { told } = start({ connectTimeout: 3000 });
  mock.timers.tick(3000);
  assert.ok(sockets[0].closed);
  assert.equal(told.states.at(-1), "waiting");
  mock.timers.tick(500);
  latest().open();
  mock.timers.tick(3000);
  assert.equal(told.states.at(-1), "open");
});

test("resumes, and drops what comes twice", () => {
  mock.method(Math, "random", () => 0);
  const { socket, told } = start();
  latest().open();
  for (const data of ["18446744073709551613 a", "18446744073709551614 b c\n", "no number"]) latest().receive(data);
  latest().lose();
  mock.timers.tick(0);
  latest().open();
  assert.deepEqual(latest().sent, ["since 18446744073709551614"]);
  for (const data of ["18446744073709551614 b c\n", "18446744073709551615 d"]) latest().receive(data);
  assert.deepEqual(told.messages, [
    { seq: 18446744073709551613n, data: "a" }, { seq: 18446744073709551614n, data: "b c\n" },
    { seq: null, data: "no number" }, { seq: 18446744073709551615n, data: "d" },
  ]);
  assert.equal(told.lost, 0);
  assert.equal(socket.last, 18446744073709551615n);
});

test("tells what is lost", () => {
  const { told } = start();
  latest().open();
  latest().receive("5 a");
  latest().receive("7 c");
  assert.equal(told.lost, 1);
  latest().receive("lost 2"); // of another history, whose numbers are lower
  latest().receive("3 x");
  assert.equal(told.lost, 2);
  assert.deepEqual(told.messages.map((m) => m.seq), [5n, 7n, 3n]);
});

test("keeps what is sent until it is acknowledged", () => {
  mock.method(Math, "random", () => 0);
  const { socket } = start({ maxUnacknowledged: 3 });
  assert.equal(socket.send("1", "one"), true);
  latest().open();
  assert.equal(socket.send("2", "two"), true);
  assert.equal(socket.send("3", "three"), true);
  assert.equal(socket.send("4", "four"), false);
  assert.deepEqual(latest().sent, ["since 0", "one", "two", "three"]);
  assert.equal(socket.acknowledge("2"), true);
  assert.equal(socket.acknowledge("2"), false);
  latest().lose();
  mock.timers.tick(0);
  latest().open();
  assert.deepEqual(latest().sent, ["since 0", "one", "three"]);
  assert.equal(socket.unacknowledged, 2);
});

test("asks a silent server, and leaves one that doesn't answer", () => {
  const { told } = start({ probe: "alive?", probeAfter: 1000, probeTimeout: 500 });
  latest().open();
  mock.timers.tick(999);
  latest().receive("something");
  mock.timers.tick(999);
  assert.deepEqual(latest().sent, ["since 0"]);
  mock.timers.tick(1);
  assert.deepEqual(latest().sent, ["since 0", "alive?"]);
  mock.timers.tick(499);
  latest().receive("yes");
  mock.timers.tick(1000); // a tick ends where a timer does, because the next begins there
  mock.timers.tick(499);
  assert.equal(told.states.at(-1), "open");
  mock.timers.tick(1);
  assert.equal(told.states.at(-1), "waiting");
  assert.ok(sockets[0].closed);
});

test("another attempt is left out where it wouldn't help", () => {
  for (const [code, state] of [[1000, "closed"], [1008, "closed"], [1001, "waiting"], [1006, "waiting"], [1011, "waiting"], [1013, "waiting"]]) {
    const { socket, told } = start();
    latest().open();
    latest().lose(code);
    assert.equal(told.states.at(-1), state, `code ${code}`);
    assert.equal(socket.send("1", "one"), state !== "closed");
    socket.close();
  }
});

test("goes by what the browser knows of the network", () => {
  mock.method(Math, "random", () => 0.9);
  const { socket, told } = start();
  latest().open();
  page.dispatchEvent(new Event("offline"));
  assert.equal(told.states.at(-1), "waiting");
  page.dispatchEvent(new Event("online"));
  assert.equal(told.states.at(-1), "connecting");
  assert.equal(sockets.length, 2);
  mock.timers.tick(900); // the wait is over, and not run twice
  assert.equal(sockets.length, 2);
  socket.close();
  page.dispatchEvent(new Event("online"));
  assert.equal(sockets.length, 2);
});

test("begins anew on demand, and ends on demand", () => {
  const { socket, told } = start();
  latest().open();
  socket.restart();
  assert.equal(sockets[0].closed, 1000);
  sockets[0].receive("1 from the old one");
  sockets[0].lose();
  assert.equal(sockets.length, 2);
  latest().open();
  socket.close(1000);
  assert.equal(latest().closed, 1000);
  mock.timers.tick(100_000);
  assert.equal(sockets.length, 2);
  assert.deepEqual(told.messages, []);
  assert.deepEqual(told.states, ["connecting", "open", "connecting", "open", "closed"]);
});

test("a URL that can't work ends it", () => {
  const socket = new ReconnectingSocket("http://[");
  const states = [];
  socket.addEventListener("state", ({ detail }) => states.push(detail.state));
  mock.timers.tick(1);
  assert.deepEqual(states, ["connecting", "closed"]);
});
