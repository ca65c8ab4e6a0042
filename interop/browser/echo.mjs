// Opens examples/echo in Chromium, as a visitor does. interop/chat calls it.
//
// Environment: CHROMIUM and ECHO, the programs; SCREENSHOTS, a directory for a
// picture, if it is set.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const server = spawn(process.env.ECHO, ["-addr", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
const over = once(server, "exit");
const [greeting] = await once(createInterface({ input: server.stdout }), "line");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server"],
});
try {
  const page = await browser.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(/http:\S+/.exec(greeting)[0]);

  // shown waits for the log to have these lines, the newest first.
  const shown = (lines) =>
    page.waitForFunction(
      (want) => [...document.querySelectorAll("#log li")].map((item) => item.textContent).join("\n") === want,
      lines.join("\n"),
    );
  await shown(["← Hello", "→ Hello"]);
  await page.getByLabel("Message").fill("κόσμε, 世界, 🚀");
  await page.keyboard.press("Enter");
  await shown(["← κόσμε, 世界, 🚀", "→ κόσμε, 世界, 🚀", "← Hello", "→ Hello"]);
  if (process.env.SCREENSHOTS) {
    mkdirSync(process.env.SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(process.env.SCREENSHOTS, "echo.png") });
  }
  server.kill("SIGINT");
  assert.deepEqual(await over, [0, null]);
  await page.getByText(/^closed: code 10\d\d/).waitFor();
  assert.deepEqual(problems, []);
  console.log("examples/echo in Chromium: ok");
} finally {
  await browser.close();
  server.kill("SIGKILL");
}
