// Opens examples/chat in Chromium. interop/chat calls it.
//
// Environment: CHROMIUM and SERVER, the programs; SCREENSHOTS, a directory for
// pictures, if it is set. Argument: a part of the names of the checks to run.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const work = mkdtempSync(join(tmpdir(), "chat-"));
const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const themes = ["light", "dark"];

// ---------------------------------------------------------------- the server

class Server {
  // A server keeps its address over restarts.
  constructor(...flags) {
    this.flags = flags;
    this.address = "127.0.0.1:0";
  }
  async start() {
    this.process = spawn(process.env.SERVER, ["-addr", this.address, ...this.flags], { stdio: ["ignore", "pipe", "inherit"] });
    this.over = once(this.process, "exit");
    for await (const line of createInterface({ input: this.process.stdout })) {
      this.url = /http:\S+/.exec(line)[0];
      break;
    }
    this.address = new URL(this.url).host;
    this.process.stdout.resume();
    return this;
  }
  // end returns the exit code, null for a killed process.
  async end(signal) {
    this.process.kill(signal);
    return (await this.over)[0];
  }
}

// ---------------------------------------------------------------- the pages

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"],
});

// open opens the page for a person, in a browser profile of its own.
async function open(server, name, viewport = sizes.desktop, colorScheme = "light") {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce", locale: "en-GB" });
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  await page.goto(server.url);
  await page.getByLabel("Your name").fill(name);
  await page.keyboard.press("Enter");
  await state(page, "open");
  await page.locator("#people .who", { hasText: name }).waitFor();
  return page;
}

const state = (page, want) => page.locator(`#status[data-state=${want}]`).waitFor();

// say types a message and presses Enter.
async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

// sees waits until so many messages are there and none waits to be sent.
const sees = (page, n) => page.waitForFunction((n) =>
  document.querySelectorAll("#messages .message").length >= n && !document.querySelector("#pending li"), n);

const texts = (page) => page.locator("#messages .bubble").allTextContents();

async function close(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
}

// ---------------------------------------------------------------- the checks

const checks = {
  async "two people talk"() {
    const server = await new Server().start();
    const ada = await open(server, "Ada"), grace = await open(server, "Grace <b>", sizes.phone, "dark");
    await ada.locator("#people .who", { hasText: "Grace <b>" }).waitFor();
    await say(ada, "hello <img src=x onerror=alert(1)>");
    await sees(grace, 1);
    await say(grace, "two\nlines");
    await sees(ada, 2);
    for (const page of [ada, grace]) {
      assert.deepEqual(await texts(page), ["hello <img src=x onerror=alert(1)>", "two\nlines"]);
    }
    assert.deepEqual(await grace.locator("#messages .by b").allTextContents(), ["Ada", "You"]);
    // A screen reader hears what others say, and no history.
    assert.deepEqual(await ada.locator("#announce").textContent(), "Grace <b>: two\nlines");
    const late = await open(server, "Late");
    await sees(late, 2);
    assert.equal(await late.locator("#announce").textContent(), "");
    await close(late);
    await ada.getByText("Late").waitFor({ state: "detached" });
    await close(ada, grace);
    assert.equal(await server.end("SIGINT"), 0);
  },

  // Both type all the time; the server is killed three times, and stays away for
  // a moment. Grace is slow, so that the server dies with messages of hers that it
  // has and she doesn't know of: her page sends them again.
  async "the server is killed and started again: nothing is lost, nothing is doubled"() {
    const server = await new Server("-log", join(work, "history"), "-slow", "Grace", "-rate", "1000").start();
    let again = 0;
    const ada = await open(server, "Ada"), grace = await open(server, "Grace", sizes.phone);
    const total = 40, kills = new Set([8, 18, 28]);
    for (let i = 1; i <= total; i++) {
      await Promise.all([say(ada, `ada ${i}`), say(grace, `grace ${i}`)]);
      if (kills.has(i)) {
        assert.equal(await server.end("SIGKILL"), null);
        const stored = readFileSync(join(work, "history"), "utf8");
        const waiting = await grace.locator("#pending .bubble").allTextContents();
        again += waiting.filter((text) => stored.includes(JSON.stringify(text))).length;
      }
      if (kills.has(i - 5)) {
        await state(ada, "waiting");
        assert.ok(await ada.locator("#pending li").count() > 0, "messages wait in the page");
        await server.start();
        // "Try now", of which the page makes nothing when it is trying already.
        await Promise.all([ada, grace].map((page) => page.evaluate(() => document.getElementById("retry").click())));
        await Promise.all([state(ada, "open"), state(grace, "open")]);
      }
    }
    await Promise.all([sees(ada, 2 * total), sees(grace, 2 * total)]);
    const late = await open(server, "Late");
    await sees(late, 2 * total);
    assert.ok(again > 0, "no message was sent twice, so this proves little");
    const seen = await texts(ada);
    for (const who of ["ada", "grace"]) {
      const want = Array.from({ length: total }, (_, i) => `${who} ${i + 1}`);
      assert.deepEqual(seen.filter((text) => text.startsWith(`${who} `)), want);
    }
    assert.equal(seen.length, 2 * total);
    assert.deepEqual(await texts(grace), seen);
    assert.deepEqual(await texts(late), seen);
    const written = readFileSync(join(work, "history"), "utf8").trimEnd().split("\n");
    assert.deepEqual(written.map((line) => JSON.parse(line.slice(line.indexOf("{"))).text), seen);
    for (const page of [ada, grace, late]) {
      assert.deepEqual((await page.locator("#people .who").allTextContents()).sort(), ["Ada", "Grace", "Late"]);
      assert.equal(await page.locator(".note").count(), 0, "no page says that messages are missing");
    }
    await close(ada, grace, late);
    assert.equal(await server.end("SIGINT"), 0);
  },

  async "Ctrl-C says goodbye, and the pages come back"() {
    const server = await new Server("-log", join(work, "goodbye")).start();
    const ada = await open(server, "Ada");
    const closed = ada.evaluate(() => new Promise((resolve) => {
      // The page's own connection isn't reachable from here; this is another.
      const ws = new WebSocket(new URL("room", location.href.replace("http", "ws")));
      ws.onopen = () => ws.send("since 0");
      ws.onclose = ({ code, wasClean }) => resolve({ code, wasClean });
      globalThis.opened = new Promise((ready) => { ws.onmessage = ready; });
      ws.addEventListener("open", () => ws.send(JSON.stringify({ kind: "alive" })));
    }));
    await ada.evaluate(() => globalThis.opened.then(() => true));
    assert.equal(await server.end("SIGINT"), 0);
    assert.deepEqual(await closed, { code: 1001, wasClean: true });
    await state(ada, "waiting");
    await server.start();
    await state(ada, "open");
    await close(ada);
    await server.end("SIGINT");
  },

  async "without a file the history ends with the server, and the page says so"() {
    const server = await new Server().start();
    const ada = await open(server, "Ada");
    await say(ada, "before");
    await sees(ada, 1);
    await server.end("SIGKILL");
    await state(ada, "waiting");
    await say(ada, "while it was away");
    await server.start();
    await sees(ada, 2);
    await ada.getByText("Some messages are missing here").first().waitFor();
    assert.deepEqual(await texts(ada), ["before", "while it was away"]);
    await close(ada);
    await server.end("SIGINT");
  },

  async "a slow person lags alone"() {
    const server = await new Server("-slow", "Grace", "-rate", "50").start();
    const ada = await open(server, "Ada");
    const grace = await open(server, "Grace");
    for (let i = 1; i <= 20; i++) await say(ada, `${i}`);
    await sees(ada, 20);
    assert.ok(await grace.locator("#messages .message").count() < 20);
    await ada.locator("#people li", { hasText: "Grace" }).getByText("behind").waitFor();
    await close(ada, grace);
    await server.end("SIGKILL");
  },

  async "the keyboard reaches everything"() {
    const server = await new Server().start();
    const ada = await open(server, "Ada");
    await ada.reload();
    assert.equal(await ada.evaluate(() => document.activeElement.id), "text");
    await say(ada, "so that there is something to scroll");
    await sees(ada, 1);
    await ada.evaluate(() => document.activeElement.blur());
    const reached = new Set();
    for (let i = 0; i < 8; i++) {
      await ada.keyboard.press("Tab");
      reached.add(await ada.evaluate(() => {
        const focus = getComputedStyle(document.activeElement);
        const visible = focus.outlineStyle !== "none" && parseFloat(focus.outlineWidth) >= 2;
        return (document.activeElement.id || document.activeElement.textContent) + (visible ? "" : " without a visible focus");
      }));
    }
    for (const id of ["name", "scroll", "text", "Send", "Skip to the message field"]) {
      assert.ok(reached.has(id), `${id} is not among ${[...reached].join(", ")}`);
    }
    await close(ada);
    await server.end("SIGINT");
  },

  async "what was said on other days stands below their names"() {
    const line = (n, at, text) => `${at} ${n} ${JSON.stringify({ id: `old-${n}`, name: "Ada", text, at: Date.parse(at) })}\n`;
    const file = join(work, "days");
    writeFileSync(file, line(1, "2026-01-01T12:00:00Z", "new year") + line(2, "2026-01-01T12:01:00Z", "indeed") +
      line(3, "2026-01-02T12:00:00Z", "the day after"));
    const server = await new Server("-log", file).start();
    const ada = await open(server, "Ada");
    await sees(ada, 3);
    await say(ada, "and now");
    await sees(ada, 4);
    assert.deepEqual(await ada.locator("#messages > li").evaluateAll((all) => all.map((e) => e.className.split(" ")[0])),
      ["day", "message", "message", "day", "message", "day", "message"]);
    assert.match(await ada.locator(".day").first().textContent(), /Thursday.*1 January/);
    assert.equal(await ada.locator(".day").last().textContent(), "Today");
    await look(ada, "days");
    await close(ada);
    await server.end("SIGINT");
  },

  async "two sizes, two themes: nothing sticks out, and nothing is hard to read"() {
    const server = await new Server().start();
    const ada = await open(server, "Ada Lovelace");
    await look(ada, "empty", "#empty");
    const grace = await open(server, "Grace Hopper");
    const talk = [
      [grace, "Good morning! Has anybody read section 5.5.2 yet?"],
      [ada, "Ping and pong? Just now."],
      [ada, "An endpoint answers a Ping as soon as is practical, unless it has received a Close frame. What is practical, for a server with ten thousand connections?"],
      [grace, "Whoever reads answers. And when several pings wait, only the latest counts."],
      [grace, "https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2-and-" + "a-word-without-spaces-".repeat(4)],
    ];
    for (const [i, [page, text]] of talk.entries()) {
      await say(page, text);
      await Promise.all([sees(ada, i + 1), sees(grace, i + 1)]);
    }
    await look(ada, "open");
    const late = await open(server, "Late");
    await sees(late, talk.length);
    assert.equal(await late.locator(".day").count(), 0, "all of it was said today");
    await close(late);
    await server.end("SIGKILL");
    await state(ada, "waiting");
    await say(ada, "Is anybody still there?");
    await look(ada, "lost");
    await close(ada, grace);
  },
};

// look checks the page in each size and theme, and takes a picture.
async function look(page, name, shown = "#messages .bubble") {
  for (const [size, viewport] of Object.entries(sizes)) {
    for (const theme of themes) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      const wide = await page.evaluate(() => [document.documentElement, document.getElementById("scroll")]
        .filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.id || e.tagName));
      assert.deepEqual(wide, [], `${size}: wider than the window`);
      for (const control of [page.getByRole("button", { name: "Send" }), page.getByLabel("Your name"), page.locator(shown).last()]) {
        const box = await control.boundingBox();
        assert.ok(box && box.x >= 0 && box.x + box.width <= viewport.width && box.y + box.height <= viewport.height, `${size}: out of the window`);
      }
      if (process.env.SCREENSHOTS) {
        mkdirSync(process.env.SCREENSHOTS, { recursive: true });
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}-${size}-${theme}.png`) });
      }
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(" ")}`), [], `${name}, ${size}, ${theme}`);
      assert.ok(passes.some((p) => p.id === "color-contrast"), "the contrast was looked at");
    }
  }
}

let failed = 0;
const servers = [];
const startServer = Server.prototype.start;
Server.prototype.start = function () { servers.push(this); return startServer.call(this); };
const chosen = Object.entries(checks).filter(([name]) => name.includes(process.argv[2] ?? ""));
for (const [name, check] of chosen) {
  const begun = Date.now();
  try {
    await check();
    console.log(`ok    ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAIL  ${name}\n${error.stack}`);
  }
  for (const server of servers.splice(0)) server.process.kill("SIGKILL");
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
rmSync(work, { recursive: true, force: true });
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
