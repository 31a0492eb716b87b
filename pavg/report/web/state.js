"use strict";
// What is chosen, and the small helpers that all parts of the page use. Texts reach the page by textContent only.
const data = JSON.parse(document.getElementById("data").textContent);
const state = {
  problem: 0, P: new Set(), K: new Set(), // of rules and steps, their places in data.rules and data.steps
  step: "best",
  x: "samples", scale: "log", measure: "loss", clock: 0, target: 0, cost: "samples", kind: "strong", unit: "share", of: null,
};
const byId = id => document.getElementById(id);
const here = rows => rows.filter(row => row.problem === state.problem);
const unique = values => [...new Set(values)].sort((a, b) => a - b);
const listeners = [];

function changed() { for (const listener of listeners) listener(); }

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "list") made[name] = value; else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Numbers as people write them: 0.3224, 65,120, 1.2e-5.
function number(value, digits = 4) {
  if (value === null || value === undefined || value === "") return "";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e6) return value.toLocaleString("en-US", { maximumSignificantDigits: digits });
  return value.toExponential(digits - 1).replace(/\.?0+e/, "e");
}

const plural = (count, one, many = one + "s") => `${number(count)} ${count === 1 ? one : many}`;

function options(select, texts, chosen, act) {
  select.replaceChildren(...texts.map((text, k) => element("option", { value: k, textContent: text, selected: k === chosen })));
  select.onchange = () => { act(Number(select.value)); changed(); };
}

function radios(name) {
  for (const input of document.querySelectorAll(`input[name="${name}"]`)) {
    input.checked = input.value === state[name];
    input.onchange = () => { state[name] = input.value; changed(); };
  }
}
