"use strict";
// The table of all runs: chosen above, found by text, by status, sorted by a column.
const listed = { column: -1, down: false, page: 50, most: 50 };

function chosenRuns() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const status = byId("status").value;
  return data.runs.filter(run => run.problem === state.problem
    && (run.P === null || state.P.has(run.P)) && (run.K === null || state.K.has(run.K)) && stepAllows(run)
    && (!status || run.status === status)
    && words.every(word => run.text.includes(word)));
}

// "best" of charts is a choice among step sizes, and no property of a run: the table has them all then.
const stepAllows = run => state.step === "best" || state.step === "all" || run.step === state.step;

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
  byId("table").tBodies[0].replaceChildren(...rows.slice(0, listed.most).map(run => element("tr", {},
    ...run.cells.map((value, k) => element("td", { className: data.columns[k].text ? (data.columns[k].long ? "text long" : "text") : "" },
      data.columns[k].name === "status" ? element("span", { className: `status-${value}`, textContent: value })
        : data.columns[k].name === "made" ? element("a", { href: `#way-${value}`, textContent: `way ${value}` }) : number(value))))));
  byId("shown").textContent = `${plural(rows.length, "run")}${rows.length > listed.most ? `, the first ${listed.most} shown` : ""}`;
  byId("more").hidden = rows.length <= listed.most;
  byId("table").tHead.querySelectorAll("th").forEach((head, k) => {
    if (k === listed.column) head.setAttribute("aria-sort", listed.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  });
}

function startTable() {
  for (const run of data.runs) run.text = run.cells.join(" ").toLowerCase();
  byId("table").tHead.append(element("tr", {}, ...data.columns.map((column, k) => {
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
