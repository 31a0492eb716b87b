"use strict";
// Charts are drawn when they come near the screen. Their sentences and tables need no drawing and are always there.
const charts = new Map(); // id → {figure, make, near, stale}
const RAMP = {
  light: ["#160b8c", "#7e03a8", "#b5309a", "#d8456a", "#e06a10"],
  dark: ["#8d8aff", "#c58bff", "#f287c4", "#ff9d76", "#ffdf85"],
};
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x", "triangle-down", "pentagon", "star", "hexagon", "cross"];
let ready = false; // whether plotly is there

const token = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// The k-th of n ordered colours: along one ramp, so that neighbours look alike and the order is seen.
function ramp(k, n) {
  const stops = RAMP[theme.name].map(hex => [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16)));
  const place = n < 2 ? 0 : k / (n - 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  return `rgb(${stops[low].map((value, c) => Math.round(value + (stops[low + 1][c] - value) * (place - low))).join(",")})`;
}
const colourOf = K => ramp(K, data.rules.length);
const symbolOf = K => SYMBOLS[K % SYMBOLS.length];
const faded = colour => colour.replace("rgb", "rgba").replace(")", ",0.16)");

function chart(id, make) {
  const figure = byId(id);
  charts.set(id, { figure, make, near: false, stale: true, place: figure.querySelector(".chart"), table: figure.querySelector("details") });
}

// make() gives {empty} or {traces, layout, height, says, head, rows}.
function refresh(one) {
  one.made = one.make();
  one.stale = true;
  one.figure.querySelector(".says").textContent = one.made.says || "";
  one.figure.querySelector(".says").hidden = !one.made.says;
  one.table.hidden = Boolean(one.made.empty);
  one.place.setAttribute("aria-label", `${one.figure.querySelector("h3").textContent}. ${one.made.says || one.made.empty}`);
  if (one.table.open) fill(one);
  draw(one);
}

function draw(one) {
  const { made, place } = one;
  place.classList.toggle("empty", Boolean(made.empty));
  if (made.empty) {
    if (one.drawn) Plotly.purge(one.drawn);
    one.drawn = null;
    place.style.height = "";
    place.textContent = made.empty;
    return;
  }
  place.style.height = made.height ? `${made.height}px` : "";
  if (!one.near || !one.stale || !ready) return;
  one.stale = false;
  if (!one.drawn) {
    one.drawn = element("div");
    place.replaceChildren(one.drawn);
  }
  const config = { responsive: true, displaylogo: false, displayModeBar: "hover", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  Plotly.react(one.drawn, made.traces, dressed(made.layout, place), config).then(() => { place.dataset.drawn = "yes"; });
}

function dressed(layout, place) {
  const line = token("line"), text = token("text"), quiet = token("quiet");
  const axis = { gridcolor: line, linecolor: line, zeroline: false, automargin: true, tickfont: { color: quiet }, title: { font: { color: text, size: 13 } }, exponentformat: "power", showexponent: "all" };
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true, dragmode: place.clientWidth < 600 ? false : "zoom",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: text },
    margin: { l: 60, r: 16, t: 30, b: 50 }, hovermode: "closest",
    hoverlabel: { bgcolor: token("raised"), bordercolor: line, font: { color: text } },
    legend: { orientation: "h", x: 0, y: 1, yref: "container", yanchor: "top", title: { text: "" }, itemsizing: "constant" },
  };
  const made = { ...base, ...layout, margin: { ...base.margin, ...layout.margin }, legend: { ...base.legend, ...layout.legend } };
  for (const name of Object.keys(made)) {
    if (/^[xy]axis\d*$/.test(name)) made[name] = { ...axis, ...made[name], title: { ...axis.title, ...made[name].title } };
  }
  return made;
}

function fill(one) {
  const { head, rows } = one.made;
  const texts = head.map((_, k) => rows.some(row => typeof row[k] === "string"));
  const cell = (tag, value, k) => element(tag, { className: texts[k] ? "text" : "", textContent: number(value) });
  one.table.querySelector("div").replaceChildren(element("table", {},
    element("thead", {}, element("tr", {}, ...head.map((name, k) => { const made = cell("th", name, k); made.scope = "col"; return made; }))),
    element("tbody", {}, ...rows.map(row => element("tr", {}, ...row.map((value, k) => cell("td", value, k)))))));
}

function watch() {
  const seen = new IntersectionObserver(entries => {
    for (const entry of entries) {
      const one = charts.get(entry.target.id);
      one.near = entry.isIntersecting;
      if (one.near && one.made) draw(one);
    }
  }, { rootMargin: "400px" });
  for (const one of charts.values()) {
    seen.observe(one.figure);
    one.table.addEventListener("toggle", () => one.table.open && fill(one));
  }
  addEventListener("beforeprint", () => { for (const one of charts.values()) { one.near = true; draw(one); } });
}

// plotly is packed, and unpacked once the page can be read: it takes longer than all else.
async function unpack() {
  try {
    const packed = Uint8Array.from(atob(byId("plotly").textContent), letter => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    document.head.append(element("script", { textContent: await new Response(stream).text() }));
    ready = Boolean(window.Plotly);
  } catch (error) {
    console.error(error);
  }
  for (const one of charts.values()) {
    if (ready) draw(one);
    else if (!one.made.empty) one.place.textContent = "This browser is too old to draw the chart; its numbers are below.";
  }
}
