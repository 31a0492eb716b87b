"use strict";
// Before anything is drawn: the theme that was chosen here last, or the system's.
const theme = {
  system: matchMedia("(prefers-color-scheme: dark)"),
  kept() { try { return localStorage.getItem("pavg-theme"); } catch { return null; } },
  keep(name) { try { localStorage.setItem("pavg-theme", name); } catch { /* not allowed here: it lasts as long as the page */ } },
  get name() { return document.documentElement.dataset.theme; },
  set(name) { document.documentElement.dataset.theme = name; },
};
theme.set(theme.kept() || (theme.system.matches ? "dark" : "light"));
