// SPDX-License-Identifier: MPL-2.0
// actions.js: pause, resume and restart, where the server has a token configured. The operator types the token once; it
// stays in this page's memory and is gone with it. It goes in a header that no other site can make a browser send.
import { el, setText } from "./dom.js";
import { state } from "./state.js";

let token = "";

const SENTENCES = {
  pause: "launches nothing until it is resumed. Its instances stay.",
  resume: "goes on launching.",
  restart: "gets a new worker process with the newest definition. Its instances stay.",
};

async function send(command, name) {
  const answer = await fetch("/api/act", {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify({ command, name }),
    signal: AbortSignal.timeout(15000),
  });
  const body = await answer.json();
  if (answer.status === 401) token = "";
  return { ok: answer.ok, text: body.text };
}

function confirm(command, name, onDone) {
  const field = el("input", { type: "password", autocomplete: "off", id: "token", required: true });
  const said = el("p", { role: "status", class: "note" });
  const go = el("button", { type: "button", class: command === "pause" ? "bad" : "" }, `${command} ${name}`);
  const dialog = el("dialog", { "aria-labelledby": "act-title" }, el("h2", { id: "act-title" }, `${command[0].toUpperCase()}${command.slice(1)} ${name}?`),
    el("p", {}, `${name} ${SENTENCES[command]}`),
    token ? null : el("label", { for: "token" }, "Token", field), said,
    el("div", { class: "row" }, go, el("button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
  const act = async () => {
    if (!token) token = field.value.trim();
    go.disabled = true;
    setText(said, "asking the daemon…");
    const answer = await send(command, name).catch(() => ({ ok: false, text: "no answer; it may still be carried out" }));
    if (answer.ok) {
      dialog.close();
      return onDone(answer.text);
    }
    go.disabled = false;
    if (!token && !field.isConnected) said.before(el("label", { for: "token" }, "Token", field));
    return setText(said, `Refused: ${answer.text}`);
  };
  go.addEventListener("click", act);
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") act(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export function actionButtons(name) {
  const said = el("span", { role: "status", class: "note" });
  const make = (command, text) => el("button", { type: "button", onclick: () => confirm(command, name, (answer) => setText(said, answer)) }, text);
  const pause = make("pause", "Pause…");
  const resume = make("resume", "Resume…");
  const element = el("div", { class: "row", hidden: true }, pause, resume, make("restart", "Restart worker…"), said);
  return {
    element,
    update(row) {
      element.hidden = !state.canAct;
      pause.hidden = row.word("state") === "paused";
      resume.hidden = row.word("state") !== "paused";
    },
  };
}
