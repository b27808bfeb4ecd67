// SPDX-License-Identifier: MPL-2.0
// browser.js: one headless Chromium with one page, driven by lines of JSON on standard input: {"do": "goto", ...} gives
// one line back, {"ok": true, "value": ...} or {"ok": false, "error": "..."}. Ends with its standard input.
// Run by tests/lib/browser.py; needs playwright-core (NODE_PATH) and Debian's chromium.
"use strict";
const readline = require("node:readline");
const { chromium } = require("playwright-core");

const [executablePath, profile] = process.argv.slice(2);
const complaints = []; // what the page's console says of errors and warnings
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

const deeds = {
  goto: (page, { url }) => page.goto(url, { waitUntil: "load", timeout: 30000 }).then((answer) => answer?.status() ?? 0),
  evaluate: (page, { script }) => page.evaluate(script),
  wait: async (page, { script, ms }) => { // by hand: waitForFunction needs unsafe-eval, which the page forbids
    for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => { setTimeout(resolve, 50); }))
      if (await page.evaluate(script)) return true;
    throw new Error(`not within ${ms} ms`);
  },
  click: (page, { selector }) => page.click(selector, { timeout: 10000 }),
  fill: (page, { selector, text }) => page.fill(selector, text, { timeout: 10000 }),
  press: (page, { key }) => page.keyboard.press(key),
  size: (page, { width, height }) => page.setViewportSize({ width, height }),
  scheme: (page, { scheme }) => page.emulateMedia({ colorScheme: scheme }),
  stub: (page, { pattern, body }) => page.route(pattern, (route) => route.fulfill({ status: 200, contentType: "text/javascript", body })),
  unstub: (page) => page.unrouteAll({ behavior: "ignoreErrors" }),
  screenshot: (page, { path, full }) => page.screenshot({ path, fullPage: Boolean(full), animations: "disabled" }),
  complaints: () => complaints.splice(0),
  snapshot: (page) => page.locator("body").ariaSnapshot(),
};

async function main() {
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, viewport: { width: 1280, height: 900 } });
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  process.stdout.write('{"ok":true,"value":"ready"}\n');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    let answer;
    try {
      answer = { ok: true, value: (await deeds[command.do](page, command)) ?? null };
    } catch (error) {
      answer = { ok: false, error: String(error.message ?? error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await context.close();
}

main().catch((error) => {
  process.stdout.write(`${JSON.stringify({ ok: false, error: String(error.message ?? error) })}\n`);
  process.exit(1);
});
