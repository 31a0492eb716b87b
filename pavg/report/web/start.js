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

const swatch = K => { const made = element("i", { className: "swatch" }); made.style.background = colourOf(K); made.dataset.k = K; return made; };

function chooseProblem(k) {
  state.problem = k;
  state.P = new Set(data.P);
  state.K = new Set(data.K.order);
  state.step = "best";
  state.target = data.problems[k].targets.first;
  state.measure = "loss";
  const rows = [...here(data.settings), ...here(data.runs)];
  chips(byId("choose-P"), unique(rows.map(row => row.P).filter(P => P !== null)), state.P, String);
  const periods = data.K.order.filter(K => rows.some(row => row.K === K));
  chips(byId("choose-K"), periods, state.K, K => data.K.names[K], swatch);
  const steps = data.steps.order.filter(step => rows.some(row => row.step === step));
  options(byId("step"), ["the best for each P and K", "all", ...steps.map(step => data.steps.names[step])], 0,
    k => { state.step = k === 0 ? "best" : k === 1 ? "all" : steps[k - 2]; });
  options(byId("target"), data.problems[k].targets.values.map(value => number(value, 5)), state.target, k => { state.target = k; });
  const measures = data.problems[k].measures;
  options(byId("measure"), measures.map(name => data.measures[name]), 0, k => { state.measure = measures[k]; });
}

function tell() {
  const runs = here(data.runs).filter(run => (run.P === null || state.P.has(run.P)) && (run.K === null || state.K.has(run.K)) && stepAllows(run));
  byId("count").textContent = `${number(runs.length)} of ${plural(data.runs.length, "run")}`;
  byId("filters").querySelector("summary").textContent =
    `Choose · P ${[...state.P].filter(P => here(data.settings).some(row => row.P === P)).join(", ") || "none"} · ${number(runs.length)} of ${plural(data.runs.length, "run")}`;
}

function start() {
  options(byId("problem"), data.problems.map(problem => problem.name), 0, chooseProblem);
  byId("everything").onclick = () => { chooseProblem(state.problem); changed(); };
  document.querySelectorAll("form").forEach(form => form.addEventListener("submit", event => event.preventDefault()));
  for (const name of ["x", "scale", "cost", "kind"]) radios(name);
  if (matchMedia("(max-width: 44rem)").matches) byId("filters").open = false;
  chooseProblem(0);
  startTable();
  startFigures();
  listeners.push(tell, () => { for (const one of charts.values()) refresh(one); });
  const relabel = () => { byId("theme").textContent = theme.name === "dark" ? "Light" : "Dark"; };
  const repaint = () => {
    relabel();
    document.querySelectorAll(".swatch").forEach(made => { made.style.background = colourOf(data.K.order.find(K => String(K) === made.dataset.k)); });
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
