"use strict";
// What each chart shows of what is chosen: traces for plotly, a sentence, and the table of its numbers.
const AXES = { samples: "samples seen by all learners", local_steps: "local steps of each learner", rounds: "rounds (averages so far)", seconds: "seconds of the training clock" };
const NARROW = 620;
const finite = values => values.filter(value => typeof value === "number");
const least = (rows, of) => rows.reduce((best, row) => best === null || of(row) < of(best) ? row : best, null);
const nameK = K => `K = ${data.rules[K]}`;
const learners = P => plural(P, "learner");
const settingOf = line => `P = ${line.P}, ${nameK(line.K)}, step size ${data.steps[line.step]}`;
const clockText = () => data.clocks[state.clock]?.text || "";

// Lines (or timed groups) that are chosen; with "best", those with the best step size of their P and K.
function chosen(rows, step = state.step) {
  return rows.filter(row => row.problem === state.problem && state.P.has(row.P) && state.K.has(row.K)
    && (step === "all" || (step === "best" ? bestOf.has(`${row.problem} ${row.P} ${row.K} ${row.step}`) : row.step === step)));
}
const timedNow = () => data.timed.filter(row => row.clock === state.clock);
const bestOf = new Set(data.lines.filter(line => line.best).map(line => `${line.problem} ${line.P} ${line.K} ${line.step}`));

const NO_TIMES = "No seconds to show: with these choices there is no run whose seconds are those of the clock chosen above. Times of P learners come from runs with a rank for each: pavg run FILE -n P.";
const NONE = "No run fits these choices. “Show all” brings everything back.";

// One panel for each P, with common axes.
function panels(Ps, width) {
  const columns = width < NARROW ? 1 : Ps.length === 4 ? (width < 1000 ? 2 : 4) : Math.min(3, Ps.length);
  const rows = Math.ceil(Ps.length / columns);
  const gap = { x: 0.035, y: rows > 1 ? 56 / (rows * 300) : 0 };
  const domain = (k, count, space) => [k * (1 + space) / count, (k + 1) * (1 + space) / count - space];
  const layout = { annotations: [] };
  Ps.forEach((P, k) => {
    const column = k % columns, row = Math.floor(k / columns), n = k ? k + 1 : "";
    const x = domain(column, columns, gap.x), y = domain(rows - 1 - row, rows, gap.y);
    layout[`xaxis${n}`] = { domain: x, anchor: `y${n}`, matches: k ? "x" : undefined, nticks: 5 };
    layout[`yaxis${n}`] = { domain: y, anchor: `x${n}`, matches: k ? "y" : undefined, showticklabels: column === 0 };
    layout.annotations.push({ text: `<b>P = ${P}</b>`, xref: "paper", yref: "paper", x: x[0], y: y[1], xanchor: "left", yanchor: "bottom", showarrow: false, font: { size: 13 } });
  });
  return { layout, columns, height: rows * (width < NARROW ? 270 : rows > 1 ? 300 : 360) + 90 };
}

// Bounds of an axis from the numbers that are there; bands may reach beyond them.
function bounds(values, log) {
  const there = finite(values).filter(value => !log || value > 0).map(value => log ? Math.log10(value) : value);
  if (!there.length) return undefined;
  const low = there.reduce((a, b) => Math.min(a, b)), high = there.reduce((a, b) => Math.max(a, b));
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return [low - room, high + room];
}

// A log axis that spans little gets a few plain numbers; plotly would write every digit.
function ticks(range, log) {
  if (!log || !range) return {};
  if (range[1] - range[0] > 2.5) return { dtick: Math.ceil((range[1] - range[0]) / 7) };
  const low = 10 ** range[0], high = 10 ** range[1], steps = range[1] - range[0] > 1 ? [1, 2, 5] : range[1] - range[0] > 0.4 ? [1, 1.5, 2, 3, 5, 7] : null;
  let values = [];
  if (steps) for (let e = Math.floor(range[0]); e <= range[1]; e++) values.push(...steps.map(step => step * 10 ** e));
  else {
    const size = 10 ** Math.floor(Math.log10(high - low)), step = [0.1, 0.2, 0.5, 1, 2].map(k => k * size).find(k => (high - low) / k <= 6);
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) values.push(Number(value.toPrecision(10)));
  }
  values = values.filter(value => value >= low && value <= high);
  return { tickmode: "array", tickvals: values, ticktext: values.map(value => number(value, 6)) };
}

const shown = (values, log) => values.map(value => typeof value === "number" && (!log || value > 0) ? value : null);

function curves(id, measure, logY) {
  const timed = state.x === "seconds";
  const lines = chosen(timed ? timedNow() : data.lines).filter(line => line.y[measure]);
  if (!lines.length) return { empty: timed ? NO_TIMES : NONE };
  const axis = timed ? "time_wall" : state.x, logX = state.scale === "log";
  const Ps = unique(lines.map(line => line.P)).filter(P => measure !== "drift" || P > 1);
  if (!Ps.length) return { empty: "A single learner cannot drift: choose a P above 1." };
  const width = byId(id).clientWidth, { layout, columns, height } = panels(Ps, width);
  const traces = [], named = new Set(), ends = [];
  const middles = lines.flatMap(line => line.y[measure][0]);
  const range = bounds(middles, logY), top = logY ? 10 ** (range?.[1] + 3) : range?.[1] * 10;
  const many = lines.length > 40;
  lines.filter(line => Ps.includes(line.P)).sort((a, b) => a.K - b.K || a.step - b.step).forEach(line => {
    const n = Ps.indexOf(line.P) + 1, axes = { xaxis: `x${n > 1 ? n : ""}`, yaxis: `y${n > 1 ? n : ""}` };
    const x = shown(line.x[axis], logX), [middle, low, high] = line.y[measure], colour = colourOf(line.K);
    const group = { legendgroup: `K${line.K}`, ...axes };
    if (low && !many) {
      const keep = x.map((value, k) => value !== null && low[k] !== null && (!logY || low[k] > 0) ? k : -1).filter(k => k >= 0);
      traces.push({ ...group, x: [...keep.map(k => x[k]), ...keep.toReversed().map(k => x[k])], y: [...keep.map(k => high[k] === "inf" ? top : high[k]), ...keep.toReversed().map(k => low[k] === "inf" ? top : low[k])], fill: "toself", fillcolor: faded(colour), line: { width: 0 }, mode: "lines", hoverinfo: "skip", showlegend: false });
    }
    const y = shown(middle, logY), last = y.reduce((at, value, k) => value === null ? at : k, -1);
    traces.push({
      ...group, x, y, name: nameK(line.K), showlegend: !named.has(line.K), mode: y.length <= 40 ? "lines+markers" : "lines",
      line: { color: colour, width: many ? 1 : 2 }, marker: { symbol: symbolOf(line.K), size: 6, color: colour }, opacity: many ? 0.6 : 1,
      hovertemplate: `${settingOf(line)}<br>%{x:,.6~g} ${axis === "time_wall" ? "s" : axis.replace("_", " ")}: %{y:.5~g}<extra></extra>`,
    });
    named.add(line.K);
    if (line.diverged && last >= 0) traces.push({ ...group, x: [x[last]], y: [y[last]], mode: "markers+text", text: ["diverged"], textposition: "top center", marker: { symbol: "x", size: 11, color: colour }, showlegend: false, hoverinfo: "skip" });
    if (last >= 0) ends.push({ line, at: line.x[axis][last], value: middle[last], low: low?.[last], high: high?.[last] });
  });
  Ps.forEach((P, k) => {
    const n = k ? k + 1 : "", bottom = k + columns >= Ps.length;
    Object.assign(layout[`xaxis${n}`], { type: state.scale, ...(timed ? {} : { exponentformat: "SI" }), title: { text: bottom ? AXES[state.x] : "" } });
    Object.assign(layout[`yaxis${n}`], { type: logY ? "log" : "linear", range, ...ticks(range, logY), title: { text: k % columns ? "" : measure === "drift" ? "mean squared distance" : measure.replaceAll("_", " ") } });
  });
  layout.margin = { t: columns === 1 && width < NARROW ? 84 : 62 };
  return { traces, layout, height, ends, head: ["P", "K", "step size", "runs", "seeds", AXES[state.x] + ", at the end", measure.replaceAll("_", " "), "10 % quantile", "90 % quantile", "seeds that diverged"],
    rows: ends.map(({ line, at, value, low, high }) => [line.P, data.rules[line.K], data.steps[line.step], line.runs, line.seeds ?? "", at, value, low ?? "", high ?? "", line.diverged]) };
}

function convergence() {
  const upward = state.measure.includes("accuracy");
  const made = curves("convergence", state.measure, state.scale === "log" && !upward);
  if (made.empty) return made;
  const order = upward ? end => -end.value : end => end.value;
  const best = least(made.ends, order), lost = made.ends.filter(end => end.line.diverged).length;
  made.says = best ? `${plural(made.ends.length, "line")} of ${data.measures[state.measure]} over ${state.x.replace("_", " ")}. The ${upward ? "highest" : "lowest"} ends at ${number(best.value)}: ${settingOf(best.line)}.`
    + (lost ? ` In ${plural(lost, "line")}, seeds diverged.` : "") + (state.x === "seconds" ? ` Seconds: ${clockText()}.` : "") : "";
  return made;
}

function drift() {
  const made = curves("drift", "drift", true);
  if (made.empty || state.x === "seconds" && !made.ends) return made;
  const high = least(made.ends, end => -end.value), low = least(made.ends, end => end.value);
  made.says = high ? `At the end the learners are furthest apart with ${settingOf(high.line)} (${number(high.value)}), and closest with ${settingOf(low.line)} (${number(low.value)}).` : "";
  return made;
}

// For each P and K that is chosen, its cheapest step size to the target: [{P, K, step, cost}], cost = [median, low, high, reached, seeds].
function costs() {
  const seconds = state.cost === "seconds", axis = seconds ? "time_wall" : state.cost, found = new Map();
  const step = state.step === "best" ? "all" : state.step;
  for (const row of chosen(seconds ? timedNow() : data.lines, step)) {
    const cost = row.cost[axis][state.target], key = `${row.P} ${row.K}`;
    if (!cost || cost[0] === null) continue;
    const value = cost[0] === "inf" ? Infinity : cost[0];
    if (!found.has(key) || value < found.get(key).value) found.set(key, { P: row.P, K: row.K, step: row.step, cost, value });
  }
  return [...found.values()].sort((a, b) => a.P - b.P || a.K - b.K);
}
const targetText = () => data.problems[state.problem].targets[state.target];
const costName = () => state.cost === "seconds" ? "seconds" : state.cost === "samples" ? "samples of all learners" : "rounds (averages)";

function targetK() {
  const rows = costs();
  if (!rows.length) return { empty: state.cost === "seconds" ? NO_TIMES : NONE };
  const Ks = unique(rows.map(row => row.K)), Ps = unique(rows.map(row => row.P)), reached = rows.filter(row => row.value < Infinity);
  const range = bounds(reached.flatMap(row => [row.value, row.cost[1], row.cost[2]]), true) || [0, 1];
  const top = 10 ** (range[1] + (range[1] - range[0]) * 0.06);
  range[1] += (range[1] - range[0]) * 0.12;
  const traces = Ps.flatMap((P, k) => {
    const mine = rows.filter(row => row.P === P), there = mine.filter(row => row.value < Infinity), colour = ramp(k, Ps.length);
    const base = { name: `P = ${P}`, legendgroup: `P${P}`, marker: { color: colour, symbol: SYMBOLS[k % SYMBOLS.length], size: 9 } };
    const most = row => row.cost[2] === "inf" ? top : row.cost[2];
    return [
      { ...base, x: there.map(row => data.rules[row.K]), y: there.map(row => row.value), mode: "lines+markers", line: { color: colour, width: 2 },
        error_y: { type: "data", symmetric: false, array: there.map(row => most(row) - row.value), arrayminus: there.map(row => row.value - row.cost[1]), color: colour, thickness: 1.2, width: 4 },
        customdata: there.map(row => [data.steps[row.step], row.cost[3], row.cost[4]]), hovertemplate: `P = ${P}, K = %{x}: %{y:,.4~g} ${state.cost}<br>step size %{customdata[0]}; %{customdata[1]} of %{customdata[2]} seeds get there<extra></extra>`, showlegend: there.length > 0 },
      { ...base, x: mine.filter(row => row.value === Infinity).map(row => data.rules[row.K]), y: mine.filter(row => row.value === Infinity).map(() => top), mode: "markers", marker: { color: colour, symbol: "triangle-up-open", size: 11 + 5 * k, line: { width: 2 } }, hovertemplate: `P = ${P}, K = %{x}: not reached<extra></extra>`, showlegend: there.length === 0 },
    ];
  });
  const best = least(reached, row => row.value), never = rows.length - reached.length;
  return {
    traces, height: 420,
    layout: { xaxis: { type: "category", showgrid: false, categoryorder: "array", categoryarray: Ks.map(K => data.rules[K]), title: { text: "K, local steps between averages" } }, yaxis: { type: "log", range, ...ticks(range, true), title: { text: costName() } }, margin: { t: 50 } },
    says: `Target loss ${targetText()}. ` + (best ? `Cheapest: ${settingOf(best)}, ${number(best.value)} ${state.cost}.` : "No run reaches it.") + (never ? ` ${plural(never, "pair")} of P and K did not reach it.` : "") + (state.cost === "seconds" ? ` Seconds: ${clockText()}.` : ""),
    head: ["P", "K", "best step size", costName(), "10 % quantile", "90 % quantile", "seeds that reach it", "seeds"],
    rows: rows.map(row => [row.P, data.rules[row.K], data.steps[row.step], ...row.cost.map(value => value === "inf" ? "not reached" : value)]),
  };
}

function bestStep() {
  const lines = data.lines.filter(line => line.problem === state.problem && line.best && state.P.has(line.P) && state.K.has(line.K));
  if (!lines.length) return { empty: NONE };
  const Ps = unique(lines.map(line => line.P)), Ks = unique(lines.map(line => line.K)), edges = lines.filter(line => line.edge).length;
  const tried = unique(data.lines.filter(line => line.problem === state.problem).map(line => line.step));
  const at = (P, K) => lines.find(line => line.P === P && line.K === K);
  const cells = Ps.map(P => Ks.map(K => {
    const line = at(P, K);
    return line ? { value: tried.indexOf(line.step), text: data.steps[line.step] + (line.edge ? " *" : ""), hover: `${settingOf(line)}<br>final loss ${number(line.final[0])}` } : { value: null, text: "no run", hover: "" };
  }));
  return {
    ...cellMap(Ps, Ks, cells, [0, Math.max(1, tried.length - 1)]),
    says: tried.length === 1 ? "Only one step size was tried." : `${tried.length} step sizes were tried, from ${data.steps[tried[0]]} to ${data.steps[tried.at(-1)]}. ` + (edges ? `${edges} of ${lines.length} best values (*) are the smallest or the largest one: a better one may lie beyond.` : "All best values lie inside that range."),
    head: ["P", "K", "best step size", "final loss", "10 % quantile", "90 % quantile", "at the edge"],
    rows: lines.map(line => [line.P, data.rules[line.K], data.steps[line.step], ...line.final, line.edge ? "yes" : "no"]),
  };
}

// A map over P and K; cells hold {value, text, hover}, value null where there is none. Dark is low.
function cellMap(Ps, Ks, cells, [low, high]) {
  const light = value => (value - low) / (high - low || 1) >= 0.5;
  return {
    traces: [{ type: "heatmap", z: cells.map(row => row.map(cell => cell.value)), zmin: low, zmax: high === low ? low + 1 : high, x: Ks.map((_, k) => k), y: Ps.map((_, k) => k), text: cells.map(row => row.map(cell => cell.hover)), colorscale: [[0, "#174a86"], [0.5, "#7ba3cf"], [1, "#e3ecf6"]], showscale: false, xgap: 3, ygap: 3, hoverongaps: false, hovertemplate: "%{text}<extra></extra>" }],
    height: Math.max(260, 110 + 56 * Ps.length),
    layout: {
      annotations: cells.flatMap((row, y) => row.map((cell, x) => ({ x, y, text: cell.text, showarrow: false, font: { size: 12, color: cell.value === null ? token("quiet") : light(cell.value) ? "#10233b" : "#ffffff" } }))),
      xaxis: { tickvals: Ks.map((_, k) => k), ticktext: Ks.map(K => data.rules[K]), showgrid: false, title: { text: "K, local steps between averages" } },
      yaxis: { tickvals: Ps.map((_, k) => k), ticktext: Ps.map(String), showgrid: false, title: { text: "P, learners" } }, margin: { t: 10 },
    },
  };
}

function map() {
  const rows = costs();
  if (!rows.length) return { empty: state.cost === "seconds" ? NO_TIMES : NONE };
  const Ks = unique(rows.map(row => row.K)), Ps = unique(rows.map(row => row.P));
  const at = (P, K) => rows.find(row => row.P === P && row.K === K);
  const cells = Ps.map(P => Ks.map(K => {
    const row = at(P, K);
    if (!row) return { value: null, text: "no run", hover: "" };
    if (row.value === Infinity) return { value: null, text: "not<br>reached", hover: "" };
    return { value: Math.log10(row.value), text: number(Number(row.value.toPrecision(3))), hover: `${settingOf(row)}<br>${number(row.value)} ${state.cost}` };
  }));
  const values = finite(cells.flat().map(cell => cell.value)), best = least(rows, row => row.value);
  return {
    ...cellMap(Ps, Ks, cells, values.length ? [Math.min(...values), Math.max(...values)] : [0, 1]),
    says: `${costName()[0].toUpperCase()}${costName().slice(1)} to loss ${targetText()}. ` + (best.value < Infinity ? `The cheapest cell is P = ${best.P}, ${nameK(best.K)}: ${number(best.value)}.` : "No cell reaches it."),
    head: ["P", ...Ks.map(nameK)],
    rows: Ps.map((P, k) => [P, ...cells[k].map(cell => cell.text.replace("<br>", " "))]),
  };
}

const PHASES = { compute: "compute (local steps)", comm: "communication (averaging)", wait: "waiting (barriers)" };
function split() {
  let groups = chosen(timedNow()).filter(row => finite(row.split.compute).length);
  if (!groups.length) groups = chosen(timedNow(), "all").filter(row => finite(row.split.compute).length);
  const select = byId("of"), Ps = unique(groups.map(row => row.P));
  if (!groups.length) return { empty: NO_TIMES };
  if (!Ps.includes(state.of)) state.of = Ps.at(-1);
  options(select, Ps.map(P => `P = ${P}`), Ps.indexOf(state.of), k => { state.of = Ps[k]; });
  const seen = new Map(); // one group a K: the first, where several step sizes are shown
  for (const row of groups.filter(row => row.P === state.of).sort((a, b) => a.K - b.K || a.step - b.step)) if (!seen.has(row.K)) seen.set(row.K, row);
  const mine = [...seen.values()], share = state.unit === "share";
  const bars = mine.flatMap(row => row.split.compute.map((_, rank) => {
    const parts = Object.keys(PHASES).map(phase => row.split[phase][rank]), total = finite(parts).reduce((a, b) => a + b, 0);
    return { row, rank, parts: parts.map(part => typeof part === "number" ? part : null), total };
  }));
  const traces = Object.keys(PHASES).map((phase, k) => ({
    type: "bar", name: PHASES[phase], x: [bars.map(bar => nameK(bar.row.K)), bars.map(bar => `${bar.rank}`)], marker: { color: token(phase), line: { width: 0 } },
    y: bars.map(bar => bar.parts[k] === null ? null : share ? bar.parts[k] / bar.total : bar.parts[k]), customdata: bars.map(bar => [number(bar.parts[k], 3), bar.total ? number(100 * bar.parts[k] / bar.total, 3) : ""]),
    hovertemplate: `%{x}: ${phase} %{customdata[0]} s, %{customdata[1]} %<extra></extra>`,
  }));
  const loaded = row => { const of = bars.filter(bar => bar.row === row); return of.reduce((sum, bar) => sum + (bar.total ? (bar.parts[1] || 0) / bar.total : 0), 0) / of.length; };
  const most = least(mine, row => -loaded(row));
  return {
    traces, height: 420, layout: { barmode: "stack", bargap: 0.15, xaxis: { type: "multicategory", showgrid: false, title: { text: "ranks of each K" }, showdividers: false }, yaxis: { title: { text: share ? "share of the rank's time" : "seconds" }, tickformat: share ? ".0%" : undefined, rangemode: "tozero" }, margin: { t: 50 }, hovermode: "closest" },
    says: `P = ${state.of}. ${clockText()[0].toUpperCase()}${clockText().slice(1)}. Most of its time goes into communication with ${nameK(most.K)}: ${number(100 * loaded(most), 3)} % (mean over ranks).`,
    head: ["K", "step size", "rank", "compute, s", "communication, s", "waiting, s"],
    rows: bars.map(bar => [data.rules[bar.row.K], data.steps[bar.row.step], bar.rank, ...bar.parts]),
  };
}

function scaling(field, title, ideal) {
  const rows = data.scaling.filter(row => row.problem === state.problem && row.kind === state.kind && state.P.has(row.P) && state.K.has(row.K) && (!data.clocks[state.clock].learners || row.clock === state.clock));
  if (unique(rows.map(row => row.P)).length < 2) return { empty: "This needs runs with a rank for each learner (R = P) at two or more P. Hosted runs and lanes say nothing about speed-up." };
  const Ps = unique(rows.map(row => row.P)), Ks = unique(rows.map(row => row.K));
  const range = bounds([...rows.flatMap(row => row[field]), ...Ps], true);
  const line = { x: Ps, y: Ps.map(ideal), name: "ideal", mode: "lines", line: { color: token("quiet"), dash: "dash", width: 1.5 }, hoverinfo: "skip" };
  const traces = [line, ...Ks.map(K => {
    const mine = rows.filter(row => row.K === K).sort((a, b) => a.P - b.P), colour = colourOf(K);
    return { x: mine.map(row => row.P), y: mine.map(row => row[field][0]), name: nameK(K), mode: "lines+markers", line: { color: colour, width: 2 }, marker: { color: colour, symbol: symbolOf(K), size: 9 },
      error_y: { type: "data", symmetric: false, array: mine.map(row => row[field][2] - row[field][0]), arrayminus: mine.map(row => row[field][0] - row[field][1]), color: colour, thickness: 1.2, width: 4 },
      customdata: mine.map(row => [number(row.seconds, 3), number(row.base[1], 3), row.base[0]]), hovertemplate: `${nameK(K)}, P = %{x}: %{y:.3~g}<br>%{customdata[0]} s; P = %{customdata[2]} takes %{customdata[1]} s<extra></extra>` };
  })];
  const best = least(rows.filter(row => row.P === Ps.at(-1)), row => -row[field][0]), base = rows[0].base;
  return {
    traces, height: 420, layout: { xaxis: { type: "log", tickvals: Ps, ticktext: Ps.map(String), title: { text: "P, learners = ranks" } }, yaxis: field === "speedup" ? { type: "log", range, ...ticks(range, true), title: { text: title } } : { rangemode: "tozero", title: { text: title } }, margin: { t: 70 } },
    says: `${state.kind === "strong" ? "Seconds for the same samples of all learners together" : "Seconds for the same local steps of each learner"}, against ${base[0] === 1 ? "the fastest single learner" : `P = ${base[0]}`} (${number(base[1], 3)} s). Best at P = ${Ps.at(-1)}: ${nameK(best.K)} with ${number(best[field][0], 3)}; ideal would be ${ideal(Ps.at(-1))}.`,
    head: ["K", "P", title, "low", "high", "seconds", "compared with P", "its seconds"],
    rows: rows.map(row => [data.rules[row.K], row.P, ...row[field], row.seconds, ...row.base]),
  };
}

function startFigures() {
  chart("convergence", convergence);
  chart("target-K", targetK);
  chart("best-step", bestStep);
  chart("map", map);
  chart("split", split);
  chart("speedup", () => scaling("speedup", "speed-up", P => P));
  chart("efficiency", () => scaling("efficiency", "efficiency", () => 1));
  chart("drift", drift);
}
