"use strict";
// The choices at the top; then everything is filled in, and plotly comes last.
function chips(place, values, chosen, text, swatch) {
  const legend = place.querySelector("legend");
  place.replaceChildren(legend, ...values.map(value => {
    const input = element("input", { type: "checkbox", checked: chosen.has(value) });
    input.onchange = () => {
      if (input.checked) chosen.add(value); else chosen.delete(value);
      changed();
    };
    const face = element("span", { textContent: text(value) });
    if (swatch) face.prepend(swatch(value));
    return element("label", { className: "chip" }, input, face);
  }));
}

const swatch = K => {
  const made = element("i", { className: "swatch" });
  made.style.background = colourOf(K);
  made.dataset.k = K;
  return made;
};

function chooseProblem(k) {
  const problem = data.problems[k], rows = data.runs.filter(run => run.problem === k);
  const Ps = unique(rows.map(run => run.P)), Ks = unique(rows.map(run => run.K)), steps = unique(rows.map(run => run.step));
  const clocks = unique(data.timed.filter(row => row.problem === k).map(row => row.clock));
  Object.assign(state, { problem: k, P: new Set(Ps), K: new Set(Ks), step: "best", target: problem.first, measure: "loss", clock: clocks[0] ?? 0 });
  byId("problem").value = k;
  chips(byId("choose-P"), Ps, state.P, String);
  chips(byId("choose-K"), Ks, state.K, K => data.rules[K], swatch);
  options(byId("step"), ["the best for each P and K", "all", ...steps.map(step => data.steps[step])], 0,
    at => { state.step = at === 0 ? "best" : at === 1 ? "all" : steps[at - 2]; });
  options(byId("target"), problem.targets, state.target, at => { state.target = at; });
  options(byId("measure"), problem.measures.map(name => data.measures[name]), 0, at => { state.measure = problem.measures[at]; });
  options(byId("clock"), clocks.map(clock => data.clocks[clock].text), 0, at => { state.clock = clocks[at]; });
}

function tell() {
  const count = `${number(chosenRuns(false).length)} of ${plural(data.runs.length, "run")}`;
  byId("count").textContent = count;
  byId("filters").querySelector("summary").textContent =
    `Choose · P ${unique([...state.P]).join(", ") || "none"} · K ${unique([...state.K]).map(K => data.rules[K]).join(", ") || "none"} · ${count}`;
}

function start() {
  options(byId("problem"), data.problems.map(problem => problem.name), 0, chooseProblem);
  byId("everything").onclick = () => { chooseProblem(state.problem); changed(); };
  document.querySelectorAll("form").forEach(form => form.addEventListener("submit", event => event.preventDefault()));
  for (const name of ["x", "scale", "cost", "kind", "unit"]) radios(name);
  if (matchMedia("(max-width: 44rem)").matches) byId("filters").open = false;
  chooseProblem(0);
  startTable();
  startFigures();
  listeners.push(tell, () => { for (const one of charts.values()) refresh(one); });
  const relabel = () => { byId("theme").textContent = theme.name === "dark" ? "Light" : "Dark"; };
  const repaint = () => {
    relabel();
    document.querySelectorAll(".swatch").forEach(made => { made.style.background = colourOf(Number(made.dataset.k)); });
    changed();
  };
  byId("theme").onclick = () => { theme.set(theme.name === "dark" ? "light" : "dark"); theme.keep(theme.name); repaint(); };
  theme.system.addEventListener("change", event => { if (!theme.kept()) { theme.set(event.matches ? "dark" : "light"); repaint(); } });
  relabel();
  changed();
  watch();
  requestAnimationFrame(() => setTimeout(unpack));
}
start();
