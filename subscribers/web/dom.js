// SPDX-License-Identifier: MPL-2.0
// dom.js: builds and updates elements in place. Text only ever goes in as text: nothing from the daemon can be markup.
// Rows keep their elements when they move, so that focus and selection stay where the reader left them.

export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, name) {
  if (element.className !== name) element.className = name;
}

// Brings the children of `parent` into the order of `list`; make(item) once a key, update(element, item) each time.
export function sync(parent, list, keyOf, make, update) {
  const old = parent.keyed ?? new Map();
  const fresh = new Map();
  const focused = document.activeElement;
  let at = parent.firstElementChild;
  for (const item of list) {
    const key = keyOf(item);
    const element = old.get(key) ?? make(item);
    fresh.set(key, element);
    update(element, item);
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  for (const [key, element] of old) if (!fresh.has(key)) element.remove();
  parent.keyed = fresh;
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

function makeCell(column) {
  const cell = el(column.head ? "th" : "td", { class: column.class, scope: column.head ? "row" : null });
  cell.link = column.link ? cell.appendChild(el("a")) : null;
  cell.text = (cell.link ?? cell).appendChild(document.createTextNode(""));
  return cell;
}

function updateCell(cell, column, row) {
  const text = column.text(row);
  if (cell.text.data !== text) cell.text.data = text;
  if (cell.link) cell.link.href = column.link(row);
  if (column.title) cell.title = column.title(row);
  if (column.mark) setClass(cell, [column.class, column.mark(row)].filter(Boolean).join(" "));
  const chips = column.chips ? column.chips(row) : [];
  const said = chips.map((chip) => `${chip.kind}:${chip.text}`).join("|");
  if ((cell.said ?? "") === said) return;
  cell.said = said;
  cell.querySelectorAll(".chip").forEach((chip) => chip.remove());
  for (const chip of chips) cell.append(" ", el("span", { class: `chip ${chip.kind ?? ""}` }, chip.text));
}

// A table that is updated in place; until then it says that nothing is known. columns: {name, class, head, text(row), link(row), chips(row), mark(row)}
export class Table {
  constructor(caption, columns, { empty = "None.", keyOf = (row) => row.name, rowClass = () => "", tableClass = null } = {}) {
    this.columns = columns;
    this.keyOf = keyOf;
    this.rowClass = rowClass;
    this.body = el("tbody");
    this.empty = empty;
    this.table = el("table", { class: tableClass, hidden: true }, el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, ...columns.map((column) => el("th", { scope: "col", class: column.class }, column.name)))), this.body);
    this.nothing = el("p", { class: "empty" }, "Not known yet.");
    this.element = el("div", { class: "panel" }, this.table, this.nothing);
  }

  update(rows) {
    this.table.hidden = rows.length === 0;
    this.nothing.hidden = rows.length > 0;
    setText(this.nothing, this.empty);
    sync(this.body, rows, this.keyOf,
      () => el("tr", {}, ...this.columns.map(makeCell)),
      (element, row) => {
        setClass(element, this.rowClass(row));
        this.columns.forEach((column, i) => updateCell(element.children[i], column, row));
      });
  }
}
