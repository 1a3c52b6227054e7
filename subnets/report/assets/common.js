"use strict";
// What the figures of the report share. All numbers come from the JSON in the page; text is set as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
// Okabe and Ito (2008): told apart under every common colour blindness; symbols say the same again.
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a6d3b", "#7f7f7f"];
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "pentagon", "star", "hexagon", "bowtie"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const PHONE = window.matchMedia("(max-width: 600px)");

const colour = (at) => COLOURS[at % COLOURS.length];
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const fixed = (value, digits = 3) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const unique = (values) => [...new Set(values)];
const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
const faint = (hex, share) => hex + Math.round(255 * share).toString(16).padStart(2, "0");
// Plotly reads a little HTML in labels and hovers.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** The rows of a table kept by columns. */
function rowsOf(table) {
  const names = Object.keys(table);
  const length = names.length ? table[names[0]].length : 0;
  return Array.from({ length }, (_, at) => Object.fromEntries(names.map((name) => [name, table[name][at]])));
}

function layout(more) {
  const ink = css("--ink"), line = css("--line");
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: PHONE.matches ? 11 : 13 },
    margin: { l: 50, r: 16, t: 30, b: 45 }, hovermode: "closest",
    hoverlabel: { bgcolor: css("--raised"), bordercolor: line, font: { color: ink } },
    legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0 }, colorway: COLOURS,
    modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--soft"), activecolor: css("--accent") },
    ...more,
    xaxis: { ...axis, ...(more.xaxis || {}) }, yaxis: { ...axis, ...(more.yaxis || {}) },
  };
}

const band = (x, low, high, hex, name) => ({
  x: [...x, ...[...x].reverse()], y: [...high, ...[...low].reverse()], fill: "toself", fillcolor: faint(hex, 0.18),
  line: { width: 0 }, type: "scatter", mode: "lines", name, hoverinfo: "skip", showlegend: Boolean(name),
});

const level = (sparsity) => percent(sparsity);
const groupOf = (each) => `${each.model} · ${each.task}`;
