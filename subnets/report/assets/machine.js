// Which figures there are, what of them can be switched, and when they are drawn.

// ---------------------------------------------------------------------------------- what can be switched

const groups = (list) => unique(list.map(groupOf));
const sparsities = (list, state) => unique(list.filter((each) => groupOf(each) === state.group).map((each) => each.sparsity));
const overlapTable = (state) => data.overlaps.find((each) => groupOf(each) === state.group);
const group = (list) => ({ name: "group", label: "model · task", options: () => groups(list) });
const sparsity = (list) => ({ name: "sparsity", label: "sparsity", options: (state) => sparsities(list, state), last: true, text: level });
const mode = (list) => ({ name: "mode", label: "masks are", options: (state) => Object.keys(MODES).filter((name) => list.some((each) => groupOf(each) === state.group && each.mode === name)), text: (name) => MODES[name] });
const levelOf = (list) => ({ name: "sparsity", label: "sparsity", last: true, text: level, options: (state) => unique(list.filter((each) => groupOf(each) === state.group && each.mode === state.mode).map((each) => each.sparsity)) });
const show = { name: "show", label: "show", options: () => Object.keys(SHOWN) };
// A switch that offers what there is under those before it.
const among = (list, name, before, more) => ({ name, options: (state) => unique(under(list, state, before).map((each) => each[name])), ...more });
const inside = (list, name, more) => [group(list), among(list, "pair", [], { label: "languages" }), among(list, "mask", ["pair"], { label: "mask of" }), among(list, "sparsity", ["pair", "mask"], { label: "sparsity", last: true, text: level }), among(list, name, ["pair", "mask", "sparsity"], more)];
const choices = (column) => (state) => unique(overlapTable(state).rows.filter((row) => row.sparsity === state.sparsity && (column === "measure" || row.measure === state.measure) && (column !== "seeds" || row.part === state.part)).map((row) => row[column]));

const FIGURES = {
  trajectories: { draw: trajectories, controls: [group(data.trajectories), { name: "language", label: "language", options: (state) => [...data.trajectories.filter((each) => groupOf(each) === state.group).map((each) => each.lang), ALL], first: (state) => data.trajectories.find((each) => groupOf(each) === state.group).worst_lang }] },
  overlap: { draw: overlap, controls: [group(data.overlaps), { name: "sparsity", label: "sparsity", last: true, text: level, options: (state) => unique(overlapTable(state).rows.map((row) => row.sparsity)) }, { name: "measure", label: "measure", options: choices("measure"), text: (value) => value.replaceAll("_", " ") }, { name: "part", label: "layer or component", options: choices("part") }, { name: "seeds", label: "pairs of runs with", options: choices("seeds"), text: (value) => RELATIONS[value] }, show] },
  layers: { draw: layers, controls: [group(data.overlaps), { name: "sparsity", label: "sparsity", last: true, text: level, options: (state) => unique(overlapTable(state).rows.map((row) => row.sparsity)) }, { name: "along", label: "along", options: () => ["layer", "component"] }, show] },
  heads: { draw: heads, controls: [group(data.heads), sparsity(data.heads), { ...show, first: () => "above chance (1 = equal)" }] },
  tree: { draw: tree, controls: [group(data.relatedness), sparsity(data.relatedness), { name: "overlap", label: "overlap", options: (state) => unique(data.relatedness.filter((each) => groupOf(each) === state.group && each.sparsity === state.sparsity).map((each) => each.overlap)), text: (value) => value.replaceAll("_", " ") }] },
  graph: { draw: graph, controls: [group(data.relatedness), sparsity(data.relatedness), { name: "overlap", label: "overlap", options: (state) => unique(data.relatedness.filter((each) => groupOf(each) === state.group && each.sparsity === state.sparsity).map((each) => each.overlap)), text: (value) => value.replaceAll("_", " ") }] },
  ladder: { draw: ladder, controls: [group(data.ladders), sparsity(data.ladders), { name: "part", label: "layer", options: (state) => unique(data.ladders.filter((each) => groupOf(each) === state.group && each.sparsity === state.sparsity).map((each) => each.part)) }, { name: "scale", label: "scale", options: () => ["linear", "logarithmic"] }] },
  topology: { draw: topology, controls: [group(data.topologies), sparsity(data.topologies)] },
  transfers: { draw: matrix("transfers", "own mask"), controls: [group(data.transfers), mode(data.transfers), levelOf(data.transfers)] },
  sources: { draw: sources, controls: [group(data.sources), mode(data.sources)] },
  cross_tasks: { draw: matrix("cross_tasks", "own mask"), controls: [group(data.cross_tasks), mode(data.cross_tasks), levelOf(data.cross_tasks)] },
  multilingual: { draw: matrix("multilingual", "own mask"), controls: [group(data.multilingual), mode(data.multilingual), levelOf(data.multilingual)] },
  other_masks: { draw: matrix("other_masks", "dense"), controls: [group(data.other_masks), sparsity(data.other_masks)] },
  retrieval: { draw: retrieval, controls: inside(data.retrieval, "top", { label: "found among", last: true }) },
  similarity: { draw: similarity, controls: [...inside(data.similarity, "measure", { label: "measure", text: (value) => data.similarity.find((each) => each.measure === value).measured }), { name: "show", label: "show", options: () => Object.keys(ABOVE) }] },
  beside: { draw: beside, controls: [group(data.beside)] },
};

// ------------------------------------------------------------------------------------------- the machine

const states = {};

/** Makes every choice of a figure one that there is, and shows the choices. */
function settle(name) {
  const state = (states[name] ??= {}), box = document.getElementById(`${name}-controls`);
  FIGURES[name].controls.forEach((control) => {
    const options = control.options(state);
    if (!options.includes(state[control.name])) {
      state[control.name] = control.first ? control.first(state) : options[control.last ? options.length - 1 : 0];
    }
    let select = box.querySelector(`select[name="${control.name}"]`);
    if (!select) {
      const label = document.createElement("label");
      label.append(control.label);
      select = document.createElement("select");
      select.name = control.name;
      select.addEventListener("change", () => {
        state[control.name] = control.options(state)[select.selectedIndex];
        settle(name);
        draw(name);
      });
      label.append(select);
      box.append(label);
    }
    select.replaceChildren(...options.map((option) => {
      const element = document.createElement("option");
      element.textContent = control.text ? control.text(option) : option;
      element.selected = option === state[control.name];
      return element;
    }));
    select.parentElement.hidden = options.length < 2;
  });
}

function draw(name) {
  const element = document.getElementById(name);
  const figure = FIGURES[name].draw(states[name]);
  document.getElementById(`${name}-caption`).textContent = figure.caption;
  element.setAttribute("aria-label", figure.caption);
  element.style.minHeight = figure.layout.height ? `${figure.layout.height}px` : "";
  Plotly.react(element, figure.traces, figure.layout, { responsive: true, displaylogo: false, displayModeBar: PHONE.matches ? false : "hover", modeBarButtonsToRemove: ["lasso2d", "select2d"], toImageButtonOptions: { format: "svg", filename: name } });
  element.dataset.drawn = "yes";
}

const figures = [...document.querySelectorAll("[data-figure]")];
const seen = new IntersectionObserver((entries) => {
  entries.filter((entry) => entry.isIntersecting && !entry.target.dataset.drawn).forEach((entry) => draw(entry.target.dataset.figure));
}, { rootMargin: "300px" });
const redraw = () => figures.filter((element) => element.dataset.drawn).forEach((element) => draw(element.dataset.figure));

data.overlaps.forEach((each) => { each.rows = rowsOf(each.rows); });

function wear(theme) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  button.textContent = theme === "dark" ? "light" : "dark";
  button.setAttribute("aria-pressed", String(theme === "dark"));
}
const dark = window.matchMedia("(prefers-color-scheme: dark)");
wear(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => { wear(dark.matches ? "dark" : "light"); redraw(); });
document.getElementById("theme").addEventListener("click", () => {
  wear(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  redraw();
});
PHONE.addEventListener("change", redraw);
window.addEventListener("beforeprint", () => figures.filter((element) => !element.dataset.drawn).forEach((element) => draw(element.dataset.figure)));

figures.forEach((element) => settle(element.dataset.figure));
figures.forEach((element) => seen.observe(element));
