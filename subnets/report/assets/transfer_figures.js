// The figures of transfers, of masks by other means, and of the paper's numbers beside ours.

const MODES = { trained: "trained on the target", zero_shot: "trained on the source's language", frozen: "not trained" };
// From worse by way of white to better.
const WORSE_TO_BETTER = [[0, COLOURS[1]], [0.5, "#f7f7f7"], [1, COLOURS[0]]];

const lines = (texts) => texts.map(plain).join("<br>");
const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const furthest = (values) => Math.max(...values.filter((value) => value !== null).map(Math.abs), 0) || 1;

/** A figure of differences, down by along, white at 0; ✓ where an entry is marked. */
const matrix = (name, against) => (state) => {
  const found = data[name].find((each) => groupOf(each) === state.group && each.sparsity === state.sparsity && (!state.mode || each.mode === state.mode));
  const reach = furthest(found.values.flat());
  const small = found.along.length <= (PHONE.matches ? 5 : 12);
  const numbers = found.values.map((line, row) => line.map((value, column) => (value === null ? "" : `${value.toFixed(2).replace(/^-(0\.0+)$/, "$1")}${found.marks[row][column] ? " ✓" : ""}`)));
  const signs = found.marks.map((line) => line.map((mark) => (mark ? "✓" : "")));
  const down = found.down.map((text) => plain(cut(text, PHONE.matches ? 14 : 40)));
  const traces = [{
    // Places, not names: two names that are cut alike stay two.
    z: found.values, x: found.along.map((_, at) => at), y: down.map((_, at) => at), type: "heatmap", colorscale: WORSE_TO_BETTER, zmin: -reach, zmax: reach,
    xgap: 1, ygap: 1, hoverongaps: false, customdata: found.hover.map((line) => line.map((texts) => (texts ? lines(texts) : ""))), hovertemplate: "%{customdata}<extra></extra>",
    text: small ? numbers : signs, texttemplate: "%{text}", textfont: { size: PHONE.matches ? 9 : 11 }, colorbar: { thickness: 12, title: { text: `less ${against}`, side: "right" } },
  }];
  const axes = {
    xaxis: { tickvals: found.along.map((_, at) => at), ticktext: found.along.map(plain), showgrid: false, zeroline: false },
    yaxis: { tickvals: down.map((_, at) => at), ticktext: down, autorange: "reversed", showgrid: false, zeroline: false },
  };
  return { traces, layout: layout({ ...axes, height: Math.max(260, 130 + 30 * down.length), margin: { l: 40, r: 10, t: 20, b: 40 } }), caption: found.caption };
};

function sources(state) {
  const found = data.sources.find((each) => groupOf(each) === state.group && (!state.mode || each.mode === state.mode));
  const count = found.levels.length;
  const traces = found.levels.map((one, at) => ({
    x: one.mean, y: found.sources.map((_, place) => place + 0.18 * (at - (count - 1) / 2)), type: "scatter", mode: "markers", name: `sparsity ${level(one.sparsity)}`,
    marker: { size: 10, color: colour(at), symbol: SYMBOLS[at % SYMBOLS.length] },
    error_x: { type: "data", symmetric: false, color: colour(at), array: one.mean.map((value, place) => (one.high[place] === null ? 0 : one.high[place] - value)), arrayminus: one.mean.map((value, place) => (one.low[place] === null ? 0 : value - one.low[place])) },
    customdata: found.sources.map((source, place) => [plain(source), plain(one.targets[place])]),
    hovertemplate: "<b>%{customdata[0]}</b>: %{x:+.2%}<br>targets %{customdata[1]}<extra></extra>",
  }));
  const shapes = [{ type: "line", x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, line: { color: css("--soft"), width: 1.5 } }];
  const said = found.levels.filter((one) => one.random !== null).map((one) => `${percent(one.random)} at ${level(one.sparsity)}`);
  const ticks = { tickvals: found.sources.map((_, at) => at), ticktext: found.sources.map((text) => plain(cut(text, 24))), autorange: "reversed", showgrid: false, zeroline: false };
  return {
    traces, layout: layout({ shapes, showlegend: true, height: Math.max(300, 170 + 34 * found.sources.length), yaxis: ticks, xaxis: { title: { text: "mean over targets, less the own mask" }, tickformat: "+.1%" } }),
    caption: found.caption + (said.length ? ` Random masks: ${said.join(", ")}.` : ""),
  };
}

function beside(state) {
  const found = data.beside.find((each) => groupOf(each) === state.group);
  const traces = found.tables.map((table, at) => ({
    x: table.paper, y: table.ours, type: "scatter", mode: "markers", name: plain(table.table), marker: { size: 10, color: faint(colour(at), 0.8), symbol: SYMBOLS[at] },
    customdata: table.hover.map(lines), hovertemplate: "%{customdata}<extra></extra>",
  }));
  const axis = (text) => ({ title: { text }, zeroline: true, zerolinecolor: css("--soft"), zerolinewidth: 2 });
  return { traces, layout: layout({ showlegend: true, xaxis: axis("the paper's difference"), yaxis: axis("ours") }), caption: found.caption };
}
