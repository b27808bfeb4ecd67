// SPDX-License-Identifier: MPL-2.0
// app.js: the frame around the pages: which page is shown, how live it is, and saying so loudly when it is not.
import { haveCharts } from "./charts.js";
import { el, setText } from "./dom.js";
import { Overview } from "./overview.js";
import { Alarms, Budget, Events, Regions } from "./pages.js";
import { link, listen, now, state } from "./state.js";
import { TypePage } from "./type.js";
import { count, plural, span, time } from "./words.js";

const REDRAW = 250; // ms: many messages, one drawing

const $ = (id) => document.getElementById(id);
const pages = { "": Overview, regions: Regions, budget: Budget, alarms: Alarms, events: Events };
let page = null;
let drawing = null;

// ---- how live it is ----

const banners = {
  daemon: (it) => (it.heard
    ? ["NOT LIVE: the daemon is silent", `Nothing came from provisiond for ${span(it.silent)}. Everything below is how it was then (${time(now() - it.silent)}); instances may run and cost money unseen.`]
    : ["NOT LIVE: nothing heard from the daemon", `Nothing has come from provisiond since this server started, ${span(it.silent)} ago. Is the daemon running, and is --run-dir its runDir?`]),
  server: (it) => (it.ever
    ? ["NOT LIVE: this page lost its server", `provisiond-web at ${location.host} has not answered for ${span(it.silent)}. Everything below is older than that. Trying again.`]
    : ["NOT LIVE: no answer from the server", `provisiond-web at ${location.host} has not answered for ${span(it.silent)}. Trying again.`]),
};

const pulses = {
  live: (it) => `live, last word ${span(it.silent)} ago`,
  starting: () => "waiting for the first word",
  daemon: (it) => `NOT LIVE for ${span(it.silent)}`,
  server: (it) => `NOT LIVE for ${span(it.silent)}`,
};

function showLink() {
  const it = link();
  const words = banners[it.state]?.(it);
  const banner = $("banner");
  document.body.classList.toggle("stopped", Boolean(words));
  setText($("pulse-text"), pulses[it.state](it));
  banner.hidden = !words;
  if (!words) {
    banner.replaceChildren();
    banner.said = null;
  } else if (banner.said !== words[0]) { // an alert is read out once, not each second
    banner.replaceChildren(el("strong", {}, words[0]), el("span", { "aria-live": "off" }, words[1]));
    banner.said = words[0];
  } else setText(banner.lastChild, words[1]);
  return Boolean(words);
}

// ---- drawing ----

function draw() {
  drawing = null;
  const stopped = showLink();
  page.update();
  setText($("deployment"), state.supervisor?.word("deployment") ?? "");
  $("alarm-count").hidden = state.alarms.length === 0;
  setText($("alarm-count"), count(state.alarms.length));
  document.title = `${stopped ? "NOT LIVE · " : ""}${page.title()} · provisiond`;
  setText($("source"), state.supervisor ? `${plural(state.supervisor.value("types"), "type")}, ${plural(state.supervisor.value("workers"), "worker process", "worker processes")} · supervisor ${state.supervisor.word("incarnation")}${state.beat?.lost ? ` · ${plural(state.beat.lost, "message")} of the stream lost` : ""}` : "");
  if (!stopped) setText($("announce"), page.announcement());
}

function drawSoon() {
  drawing ??= setTimeout(draw, REDRAW);
}

// ---- which page ----

function open() {
  const [, name = "", rest = ""] = /^#\/(\w*)\/?(.*)$/.exec(location.hash || "#/") ?? [];
  const first = page === null;
  page?.close();
  page = name === "type" && rest ? new TypePage(decodeURIComponent(rest)) : new (pages[name] ?? Overview)();
  $("view").replaceChildren(page.element);
  for (const a of $("nav").querySelectorAll("a")) {
    if (a.getAttribute("href") === `#/${name}`) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
  draw();
  if (first) return;
  window.scrollTo(0, 0);
  $("view").focus({ preventScroll: true });
}

$("charts-note").hidden = haveCharts();
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the hash names the page
  $("view").focus();
});
window.addEventListener("hashchange", open);
open();
listen(drawSoon);
setInterval(drawSoon, 1000);
