"use strict";
// The table of all runs: chosen above, found by text, by status, sorted by a column.
const listed = { column: -1, down: false, page: 50, most: 50 };

// The runs that are chosen at the top, and with `found` those among them that are looked for.
function chosenRuns(found = true) {
  const words = found ? byId("search").value.toLowerCase().split(/\s+/).filter(Boolean) : [];
  const status = found ? byId("status").value : "";
  return data.runs.filter(run => run.problem === state.problem && state.P.has(run.P) && state.K.has(run.K)
    && (typeof state.step === "string" || run.step === state.step) // "best" is a choice among lines, not among runs
    && (!status || run.status === status) && words.every(word => run.text.includes(word)));
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === "") return 1; // what is missing comes last, whatever the order
  if (b === null || b === "") return -1;
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  return listed.down ? -order : order;
}

function listRuns() {
  const rows = chosenRuns();
  if (listed.column >= 0) rows.sort((a, b) => compare(a.cells[listed.column], b.cells[listed.column]));
  byId("table").tBodies[0].replaceChildren(...rows.slice(0, listed.most).map(row));
  byId("shown").textContent = `${plural(rows.length, "run")}${rows.length > listed.most ? `, the first ${listed.most} shown` : ""}`;
  byId("more").hidden = rows.length <= listed.most;
  byId("table").tHead.querySelectorAll("th").forEach((head, k) => {
    if (k - 1 === listed.column) head.setAttribute("aria-sort", listed.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}

function row(run) {
  const open = element("button", { type: "button", className: "open", textContent: "▸", title: "How this run was made" });
  open.setAttribute("aria-label", "How this run was made");
  open.setAttribute("aria-expanded", "false");
  const made = element("tr", {}, element("td", { className: "text" }, open), ...run.cells.map((value, k) => {
    const { name, text, long } = data.columns[k];
    const cell = element("td", { className: `${text ? "text" : ""}${long ? " long" : ""}` });
    cell.append(name === "status" ? element("span", { className: `status-${run.status}`, textContent: value }) : number(value));
    return cell;
  }));
  open.onclick = () => {
    const shut = open.getAttribute("aria-expanded") === "true";
    open.setAttribute("aria-expanded", String(!shut));
    open.textContent = shut ? "▸" : "▾";
    if (shut) made.nextSibling.remove(); else made.after(details(run));
  };
  return made;
}

function details(run) {
  const facts = data.made[data.runs.indexOf(run)];
  const list = element("dl", {}, ...Object.keys(data.facts).flatMap((name, k) => [
    element("dt", { textContent: name }), element("dd", {}, element("code", { textContent: data.facts[name][facts[k]] || "unknown" }))]));
  const cell = element("td", { className: "text long", colSpan: data.columns.length + 1 }, element("div", { className: "way" }, list));
  return element("tr", { className: "details" }, cell);
}

function startTable() {
  for (const run of data.runs) run.text = run.cells.join(" ").toLowerCase();
  byId("table").tHead.append(element("tr", {}, element("th", { className: "text", textContent: "" }), ...data.columns.map((column, k) => {
    const button = element("button", { type: "button", textContent: column.name, title: column.says });
    button.onclick = () => {
      listed.down = listed.column === k && !listed.down;
      listed.column = k;
      listRuns();
    };
    const head = element("th", { className: column.text ? "text" : "" }, button);
    head.scope = "col";
    return head;
  })));
  const statuses = [...new Set(data.runs.map(run => run.status))].sort();
  byId("status").replaceChildren(element("option", { value: "", textContent: "all" }),
    ...statuses.map(status => element("option", { value: status, textContent: status })));
  byId("status").onchange = listRuns;
  byId("search").oninput = () => { listed.most = listed.page; listRuns(); };
  byId("more").onclick = () => { listed.most += 500; listRuns(); };
  listeners.push(() => { listed.most = listed.page; listRuns(); });
}
