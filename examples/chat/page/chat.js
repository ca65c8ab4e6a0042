// The page of the room: what it shows, and what it says to the server.
// reconnecting.js has the connection.

import { ReconnectingSocket } from "./reconnecting.js";

const $ = (id) => document.getElementById(id);
const scroll = $("scroll"), messages = $("messages"), pending = $("pending");
const keep = 500; // messages in the page; the server has more

// randomId works without https, too, which crypto.randomUUID doesn't.
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}
const page = randomId(); // of this page, not of this browser: two tabs are two
const drafts = new Map(); // id to text, of what was said here and has not come back from the server

// ---------------------------------------------------------------- name

const name = $("name");
try { name.value = localStorage.getItem("chat name") ?? ""; } catch { /* storage may be forbidden */ }
name.value ||= `Guest ${100 + Math.floor(Math.random() * 900)}`;
let known = name.value;

$("rename").addEventListener("submit", (event) => {
  event.preventDefault();
  rename();
  $("text").focus();
});
name.addEventListener("change", rename);

function rename() {
  const now = name.value.trim() || known;
  name.value = now;
  if (now === known) return;
  known = now;
  try { localStorage.setItem("chat name", now); } catch { /* as above */ }
  socket.restart(); // the name is in the URL
}

// ---------------------------------------------------------------- connection

const socket = new ReconnectingSocket(() => `room?name=${encodeURIComponent(known)}`, {
  hello: () => [JSON.stringify({ kind: "hello", id: page })],
  probe: JSON.stringify({ kind: "alive" }),
  stableAfter: 5000,
});

// Messages up to this number were said before the page was connected, and are
// not read out.
let history = null;

socket.addEventListener("message", ({ detail }) => {
  const data = JSON.parse(detail.data);
  if (detail.seq !== null) {
    said(data, detail.seq);
    return;
  }
  switch (data.kind) {
    case "welcome": history = BigInt(data.last); break;
    case "people": people(data.people ?? []); break;
    case "refused": refused(data); break;
  }
});

socket.addEventListener("lost", () => note("Some messages are missing here: the server no longer has them."));

const words = { connecting: "Connecting", open: "Connected", waiting: "Connection lost", closed: "Closed" };
let countdown = 0, everOpen = false;

socket.addEventListener("state", ({ detail }) => {
  clearInterval(countdown);
  // While it tries again and again, the screen reader hears of it once.
  const state = detail.state === "connecting" && everOpen ? "waiting" : detail.state;
  if ($("status").dataset.state !== state || $("status-text").textContent !== words[state]) {
    $("status").dataset.state = state;
    $("status-text").textContent = words[state];
  }
  everOpen ||= state === "open";
  $("banner").hidden = state !== "waiting" && state !== "closed";
  $("retry").hidden = state === "closed";
  if (state !== "open") {
    history = null;
    $("people").classList.add("stale"); // until the room tells who is here
  }
  switch (detail.state) {
    case "connecting":
      banner("Connecting again …");
      break;
    case "waiting": {
      const until = Date.now() + detail.delay;
      const tick = () => {
        const left = Math.ceil((until - Date.now()) / 1000);
        banner(left > 0 ? `No connection. The next attempt is in ${left} s.` : "Connecting again …");
      };
      tick();
      countdown = setInterval(tick, 500);
      break;
    }
    case "closed":
      banner(`The connection is closed${detail.reason ? `: ${detail.reason}` : ""}. Reload the page to come back.`);
      break;
  }
});

function banner(text) {
  const waiting = socket.unacknowledged;
  $("banner-text").textContent = waiting === 0 ? text
    : `${text} ${waiting === 1 ? "1 message waits" : `${waiting} messages wait`} here.`;
}

$("retry").addEventListener("click", () => socket.wake());

addEventListener("beforeunload", (event) => {
  if (socket.unacknowledged > 0) event.preventDefault(); // they would be lost
});

// ---------------------------------------------------------------- messages

function said({ id, name: by, text, at }, seq) {
  const own = drafts.delete(id);
  if (own) {
    socket.acknowledge(id);
    pending.querySelector(`[data-id="${CSS.escape(id)}"]`)?.remove();
  }
  const item = bubble(by, text, at, own);
  item.dataset.seq = seq;
  append(item, own);
  if (history !== null && seq > history && !own) {
    announce(`${by}: ${text}`);
    if (document.hidden) unread(count + 1);
  }
}

// unread shows in the title how many messages came while the page was hidden.
let count = 0;
function unread(n) {
  count = n;
  document.title = n === 0 ? "Chat" : `(${n}) Chat`;
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) unread(0); });

function bubble(by, text, at, own) {
  const item = element("li", own ? "message mine" : "message");
  const line = element("div", "by");
  line.append(element("b", "", own ? "You" : by), " ");
  if (at) {
    const time = element("time", "", new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    time.dateTime = new Date(at).toISOString();
    line.append(time);
  } else {
    line.append("sending …");
  }
  item.append(face(by), line, element("div", "bubble", text));
  item.dataset.by = own ? " you" : by;
  item.dataset.at = at ?? "";
  return item;
}

// append adds to the list, below the same person's last words where it can.
function append(item, follow) {
  newDay(item);
  const before = messages.lastElementChild;
  if (before?.dataset.by && before.dataset.by === item.dataset.by && item.dataset.at - before.dataset.at < 300_000) {
    item.classList.add("more");
  }
  const atEnd = follow || isAtEnd();
  messages.append(item);
  while (messages.childElementCount > keep) {
    messages.firstElementChild.remove();
    messages.firstElementChild.classList.remove("more");
  }
  $("empty").hidden = true;
  if (atEnd) toEnd();
  else $("newer").hidden = false;
}

// newDay puts the day above the first message of it.
let lastDay = "";
function newDay(item) {
  if (!item.dataset.at) return; // a note
  const at = new Date(Number(item.dataset.at)), day = at.toDateString();
  if (day === lastDay) return;
  const today = day === new Date().toDateString();
  const name = today ? "Today" : at.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
  // Of a room in which all was said today nobody needs to be told.
  if (lastDay !== "" || !today) messages.append(element("li", "day", name));
  lastDay = day;
}

function note(text, bad) {
  append(element("li", bad ? "note bad" : "note", text), false);
  announce(text);
}

function refused({ id, why }) {
  if (!socket.acknowledge(id)) return;
  pending.querySelector(`[data-id="${CSS.escape(id)}"]`)?.remove();
  note(`A message was refused: ${why}.`, true);
  if ($("text").value === "") $("text").value = drafts.get(id) ?? "";
  drafts.delete(id);
  grow();
}

function isAtEnd() { return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40; }
function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
  $("newer").hidden = true;
}
scroll.addEventListener("scroll", () => { if (isAtEnd()) $("newer").hidden = true; }, { passive: true });
new ResizeObserver(() => { if ($("newer").hidden) toEnd(); }).observe(scroll); // the phone's keyboard
$("newer").addEventListener("click", () => { toEnd(); $("text").focus(); });

// announce lets a screen reader say it: the last few lines stay, so that none
// is cut short by the next.
function announce(text) {
  $("announce").append(element("p", "", text));
  while ($("announce").childElementCount > 5) $("announce").firstElementChild.remove();
}

// ---------------------------------------------------------------- people

function people(list) {
  $("count").textContent = `(${list.length})`;
  $("people").classList.remove("stale");
  $("people").replaceChildren(...list.map(({ name: who, behind }) => {
    const item = element("li");
    item.append(face(who), element("span", "who", who));
    if (behind) item.append(element("small", "", `${behind} behind`));
    return item;
  }));
}

function face(who) {
  let hash = 0;
  for (const c of who) hash = (hash * 31 + c.codePointAt(0)) % 6;
  const first = [...who.trim()][0] ?? "?";
  const item = element("span", `face c${hash}`, first.toUpperCase());
  item.ariaHidden = "true";
  return item;
}

// element makes an element; text never becomes markup.
function element(tag, className = "", text = "") {
  const item = document.createElement(tag);
  if (className) item.className = className;
  item.textContent = text;
  return item;
}

// ---------------------------------------------------------------- composer

const text = $("text");
function grow() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
}
text.addEventListener("input", grow);
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words === "") return;
  const id = randomId();
  if (!socket.send(id, JSON.stringify({ kind: "say", id, text: words }))) {
    note("The message can't be kept: too many wait already, or the connection is closed.", true);
    return;
  }
  drafts.set(id, words);
  const item = bubble(known, words, null, true);
  item.dataset.id = id;
  $("empty").hidden = true;
  pending.append(item);
  text.value = "";
  grow();
  toEnd();
  text.focus();
});
text.focus({ preventScroll: true });
