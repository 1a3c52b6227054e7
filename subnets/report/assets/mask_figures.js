// The figures of runs and of their masks.

// ------------------------------------------------------------------------------------------ trajectories

const ALL = "all languages";

function trajectories(state) {
  const group = data.trajectories.filter((each) => groupOf(each) === state.group);
  const one = group.find((each) => each.lang === state.language);
  const unit = plain(group[0].metric);
  const axes = { xaxis: { title: { text: "sparsity" }, tickformat: ".0%" }, yaxis: { title: { text: unit } } };
  if (!one) {
    const traces = group.map((each, at) => ({
      x: each.points.x, y: each.points.mean, name: plain(each.lang), mode: "lines+markers", type: "scatter",
      line: { color: colour(at), dash: DASHES[Math.floor(at / COLOURS.length) % DASHES.length] },
      marker: { symbol: SYMBOLS[at % SYMBOLS.length], size: 8 },
      hovertemplate: `${plain(each.lang)}, %{x:.1%}: %{y:.2f}<extra></extra>`,
    }));
    return { traces, layout: layout(axes), caption: `Mean over seeds, validation. ${group[0].worst}` };
  }
  const points = one.points, x = points.x;
  const traces = [];
  const sure = x.map((_, at) => at).filter((at) => points.low[at] !== null);
  if (sure.length) traces.push(band(sure.map((at) => x[at]), sure.map((at) => points.low[at]), sure.map((at) => points.high[at]), colour(0), "interval over seeds"));
  traces.push({
    x, y: points.mean, mode: "lines+markers", type: "scatter", name: "magnitude pruning", line: { color: colour(0), width: 2.5 },
    marker: { size: 8 }, customdata: points.low.map((low, at) => [fixed(low, 2), fixed(points.high[at], 2), points.seeds[at]]),
    hovertemplate: "sparsity %{x:.1%}: %{y:.2f} [%{customdata[0]}, %{customdata[1]}], %{customdata[2]} seed(s)<extra></extra>",
  });
  const named = new Set();
  one.controls.forEach((control) => traces.push({
    x: [control.x], y: [control.mean], mode: "markers", type: "scatter", name: `control: ${plain(control.name)}`,
    legendgroup: control.name, showlegend: named.size < named.add(control.name).size,
    marker: { symbol: SYMBOLS[control.style], size: 11, color: colour(control.style) },
    error_y: control.low === null ? undefined : { type: "data", symmetric: false, array: [control.high - control.mean], arrayminus: [control.mean - control.low], color: colour(control.style) },
    hovertemplate: `${plain(control.name)} at %{x:.1%}: %{y:.2f} [${fixed(control.low, 2)}, ${fixed(control.high, 2)}]<extra></extra>`,
  }));
  if (one.ticket) traces.push({
    x: [one.ticket.x], y: [one.ticket.mean], mode: "markers", type: "scatter", name: "ticket",
    marker: { symbol: "star", size: 18, color: css("--ground"), line: { color: css("--ink"), width: 2 } },
    hovertemplate: "ticket at %{x:.1%}: %{y:.2f}<extra></extra>",
  });
  const last = x[x.length - 1], dense = one.dense, shapes = [];
  shapes.push({ type: "line", x0: 0, x1: last, y0: dense.mean, y1: dense.mean, line: { color: css("--soft"), dash: "dot", width: 1.5 } });
  if (dense.sd !== null) shapes.push({ type: "rect", x0: 0, x1: last, y0: dense.mean - dense.sd, y1: dense.mean + dense.sd, fillcolor: faint("#7f7f7f", 0.22), line: { width: 0 }, layer: "below" });
  return { traces, layout: layout({ ...axes, shapes }), caption: one.caption };
}

// ---------------------------------------------------------------------------------------------- overlap

const RELATIONS = { other: "other seeds", same: "the same seed" };
const SHOWN = { value: "mean", "above chance (1 = equal)": "corrected", "z against chance": "z" };

function overlapRows(state, relation) {
  const table = data.overlaps.find((each) => groupOf(each) === state.group);
  return table.rows.filter((row) => row.sparsity === state.sparsity && row.measure === state.measure && row.part === state.part && row.seeds === relation);
}

function overlap(state) {
  const table = data.overlaps.find((each) => groupOf(each) === state.group);
  const rows = overlapRows(state, state.seeds);
  const present = new Set(rows.flatMap((row) => [row.left, row.right]));
  const order = table.order[String(state.sparsity)].filter((lang) => present.has(lang));
  const at = new Map();
  rows.forEach((row) => {
    at.set(`${row.left} ${row.right}`, row);
    if (!at.has(`${row.right} ${row.left}`)) at.set(`${row.right} ${row.left}`, row);
  });
  const cell = (left, right) => at.get(`${left} ${right}`);
  const column = SHOWN[state.show];
  const z = order.map((left) => order.map((right) => cell(left, right)?.[column] ?? null));
  const hover = order.map((left) => order.map((right) => {
    const row = cell(left, right);
    if (!row) return `${plain(left)} – ${plain(right)}: no pair of runs`;
    return [
      `<b>${plain(left)} – ${plain(right)}</b>`, `${plain(state.measure)} ${fixed(row.mean)} [${fixed(row.low)}, ${fixed(row.high)}]`,
      `chance ${fixed(row.chance)} (z ${fixed(row.z, 1)})`, `corrected ${fixed(row.corrected)}`, `floor ${fixed(row.floor)}`,
      `ceiling (other seeds) ${fixed(row.ceiling)}`, `with the one-shot mask ${fixed(row.with_oneshot)}`, `${row.pairs} pair(s) of runs`,
    ].join("<br>");
  }));
  const shown = z.flat().filter((value) => value !== null);
  const digits = column === "z" ? 0 : Math.max(...shown) - Math.min(...shown) < 0.1 ? 3 : 2;
  const small = order.length <= (PHONE.matches ? 6 : 12);
  const traces = [{
    z, x: order, y: order, type: "heatmap", colorscale: "Cividis", hoverongaps: false, customdata: hover,
    hovertemplate: "%{customdata}<extra></extra>", colorbar: { title: { text: column === "mean" ? state.measure : state.show, side: "right" }, thickness: 12 },
    text: z.map((line) => line.map((value) => (value === null ? "" : value.toFixed(digits)))), texttemplate: small ? "%{text}" : "",
    xgap: 1, ygap: 1,
  }];
  const others = rows.filter((row) => row.left !== row.right), same = rows.filter((row) => row.left === row.right);
  const sorted = [...others].sort((left, right) => left[column] - right[column]);
  const caption = others.length
    ? `Two languages, runs with ${RELATIONS[state.seeds]}: mean ${fixed(mean(others.map((row) => row.mean)))}, chance ${fixed(mean(others.map((row) => row.chance)))}, ` +
      `floor ${fixed(mean(others.map((row) => row.floor).filter((value) => value !== null)))}; one language, other seeds (the ceiling): ${fixed(mean(same.map((row) => row.mean)))}. ` +
      `Furthest apart: ${sorted[0].left} and ${sorted[0].right} (${fixed(sorted[0][column])}). Languages stand in the order of their clustering, at the end those that were not clustered for want of a pair.`
    : "One language only.";
  const axes = { xaxis: { side: "bottom", constrain: "domain", showgrid: false }, yaxis: { autorange: "reversed", scaleanchor: "x", constrain: "domain", showgrid: false } };
  return { traces, layout: layout({ ...axes, margin: { l: 40, r: 10, t: 30, b: 40 } }), caption };
}

// ------------------------------------------------------------------------------------------ layers, heads

function layers(state) {
  const table = data.overlaps.find((each) => groupOf(each) === state.group);
  const rows = table.rows.filter((row) => row.sparsity === state.sparsity && row.measure === "jaccard" && row.kind === state.along && row.seeds === table.relations[String(state.sparsity)]);
  const parts = unique(rows.map((row) => row.part));
  const of = (part, same) => rows.filter((row) => row.part === part && (row.left === row.right) === same);
  const over = (column, same = false) => parts.map((part) => mean(of(part, same).map((row) => row[column]).filter((value) => value !== null)));
  const column = SHOWN[state.show];
  const values = (pick) => parts.map((part) => pick(...of(part, false).map((row) => row[column])));
  const line = (name, y, at, more = {}) => ({
    x: parts, y, name, type: "scatter", mode: "lines+markers", line: { color: colour(at), dash: DASHES[at % DASHES.length] },
    marker: { symbol: SYMBOLS[at], size: 8 }, hovertemplate: `${name}, %{x}: %{y:.3f}<extra></extra>`, ...more,
  });
  const traces = [];
  if (rows.some((row) => row.left !== row.right)) traces.push(band(parts, values(Math.min), values(Math.max), colour(0), "lowest to highest pair"), line("two languages", over(column), 0));
  const ceiling = over(column, true);
  if (ceiling.some((value) => value !== null)) traces.push(line("one language, other seeds (ceiling)", ceiling, 2));
  if (column === "mean") {
    traces.push(line("with the one-shot mask", over("with_oneshot"), 1), line("chance", over("chance"), 3));
  }
  return { traces, layout: layout({ xaxis: { title: { text: state.along }, type: "category" }, yaxis: { title: { text: column === "mean" ? "jaccard" : state.show } } }), caption: `${state.group}, sparsity ${level(state.sparsity)}: mean over pairs of languages, runs with ${RELATIONS[table.relations[String(state.sparsity)]]}; the band spans the pairs.` };
}

function heads(state) {
  const found = data.heads.find((each) => groupOf(each) === state.group && each.sparsity === state.sparsity);
  const column = SHOWN[state.show];
  const names = found.mean[0].map((_, head) => `head ${head}`);
  const traces = [{
    z: found[column], x: names, y: found.mean.map((_, layer) => `layer ${layer}`), type: "heatmap", colorscale: "Cividis", xgap: 1, ygap: 1,
    customdata: found.mean.map((line, layer) => line.map((value, head) => [fixed(value), fixed(found.chance[layer][head]), fixed(found.corrected[layer][head]), fixed(found.z[layer][head], 1)])),
    hovertemplate: "%{y}, %{x}<br>jaccard %{customdata[0]}, chance %{customdata[1]}<br>corrected %{customdata[2]}, z %{customdata[3]}<extra></extra>",
    colorbar: { thickness: 12, title: { text: column === "mean" ? "jaccard" : state.show, side: "right" } },
  }];
  return { traces, layout: layout({ yaxis: { autorange: "reversed", showgrid: false }, xaxis: { showgrid: false } }), caption: `${state.group}, sparsity ${level(state.sparsity)}: each head's rows of query, key and value and columns of the attention output; mean over pairs of languages, runs with ${RELATIONS[found.seeds]}.` };
}

// ------------------------------------------------------------------------------------------- relatedness

const relatednessOf = (state) => data.relatedness.find((each) => groupOf(each) === state.group && each.sparsity === state.sparsity && each.overlap === state.overlap);

function tree(state) {
  const found = relatednessOf(state);
  const links = found.dendrogram;
  const traces = links.x.map((x, at) => ({
    x: links.y[at], y: x, type: "scatter", mode: "lines", line: { color: css("--ink"), width: 2 }, showlegend: false,
    hovertemplate: `joined at distance ${fixed(Math.max(...links.y[at]))}<extra></extra>`,
  }));
  const ticks = found.leaves.map((_, at) => 5 + 10 * at);
  // Joins lie close together and far from 0: the axis begins where they do, and its title says so.
  const joins = links.y.map((heights) => Math.max(...heights));
  const lowest = Math.min(...joins), highest = Math.max(...joins), spread = highest - lowest || highest || 1;
  const range = [Math.max(0, lowest - spread / 3), highest + spread / 12];
  const named = found.leaves.map((lang) => (found.families[lang] ? `${plain(lang)} · ${plain(found.families[lang])}` : plain(lang)));
  return { traces, layout: layout({ yaxis: { tickvals: ticks, ticktext: named, showgrid: false, zeroline: false }, xaxis: { title: { text: `1 − overlap above chance${range[0] > 0 ? " (not from 0)" : ""}` }, range }, margin: { l: 120, r: 16, t: 30, b: 45 } }), caption: `Runs with ${RELATIONS[found.seeds]}. ${found.caption}` };
}

function graph(state) {
  const found = relatednessOf(state);
  const edge = (pairs, width, hex, name) => ({
    x: pairs.flatMap(([left, right]) => [found.places[left][0], found.places[right][0], null]),
    y: pairs.flatMap(([left, right]) => [found.places[left][1], found.places[right][1], null]),
    type: "scatter", mode: "lines", line: { color: hex, width }, hoverinfo: "skip", name,
  });
  const traces = [edge(found.edges, 1, faint("#7f7f7f", 0.25), "all pairs"), edge(found.tree, 3, css("--ink"), "maximum spanning tree")];
  found.communities.forEach((langs, at) => traces.push({
    x: langs.map((lang) => found.places[lang][0]), y: langs.map((lang) => found.places[lang][1]), type: "scatter", mode: "markers+text",
    text: langs.map(plain), textposition: "top center", name: `community ${at + 1}`,
    marker: { size: 20, color: colour(at), symbol: SYMBOLS[at % SYMBOLS.length], line: { color: css("--ground"), width: 2 } },
    customdata: langs.map((lang) => [plain(found.families[lang] || "family unknown"), plain(found.genera[lang] || "")]),
    hovertemplate: "<b>%{text}</b><br>%{customdata[1]}, %{customdata[0]}<extra></extra>",
  }));
  const bare = { visible: false, showgrid: false, zeroline: false };
  return { traces, layout: layout({ xaxis: bare, yaxis: bare, margin: { l: 10, r: 10, t: 24, b: 10 } }), caption: `Runs with ${RELATIONS[found.seeds]}. ${found.graph_caption}` };
}

// --------------------------------------------------------------------------------------- ladder, topology

function ladder(state) {
  const found = data.ladders.find((each) => groupOf(each) === state.group && each.sparsity === state.sparsity && each.part === state.part);
  const x = found.sizes.map((_, number) => String(number));
  const traces = [
    { x, y: found.sizes, type: "bar", name: "found", marker: { color: colour(0) }, customdata: found.sizes.map((size, at) => [fixed(size / found.expected[at], 2)]),
      hovertemplate: "kept by exactly %{x}: %{y:,.0f} weights, %{customdata[0]} times what chance gives<extra></extra>" },
    { x, y: found.expected, type: "scatter", mode: "markers", name: "independent masks (± 2 sd)", marker: { symbol: "line-ew", size: 22, line: { width: 3, color: colour(1) } },
      error_y: { type: "data", array: found.expected_sd.map((value) => 2 * value), color: colour(1) }, hovertemplate: "chance: %{y:,.0f}<extra></extra>" },
  ];
  const last = found.sizes.length - 1;
  const caption = `Weights kept by exactly so many of ${found.languages}, all with one seed (mean over ${found.seeds} such). The core, kept by all: ${found.sizes[last].toLocaleString("en", { maximumFractionDigits: 0 })} weights, ` +
    `${fixed(found.sizes[last] / found.expected[last], 1)} times what independent masks would share.`;
  return { traces, layout: layout({ xaxis: { title: { text: "kept by exactly" }, type: "category" }, yaxis: { title: { text: "weights" }, type: state.scale === "logarithmic" ? "log" : "linear" }, bargap: 0.25 }), caption };
}

function topology(state) {
  const found = data.topologies.find((each) => groupOf(each) === state.group && each.sparsity === state.sparsity);
  const y = found.measures;
  const dots = (name, x, at, more = {}) => ({ x, y, name, type: "scatter", mode: "markers", marker: { size: 12, color: colour(at), symbol: SYMBOLS[at] }, hovertemplate: `${name}, %{y}: %{x:.3f}<extra></extra>`, ...more });
  const traces = [
    dots("two languages (bar: lowest to highest pair)", found.mean, 0, { error_x: { type: "data", symmetric: false, array: found.high.map((value, at) => value - found.mean[at]), arrayminus: found.mean.map((value, at) => value - found.low[at]), color: colour(0) } }),
    dots("chance (same counts in each matrix)", found.chance, 1), dots("one language, other seeds (ceiling)", found.ceiling, 2),
  ];
  return { traces, layout: layout({ yaxis: { autorange: "reversed", type: "category" }, xaxis: { title: { text: "overlap" } }, margin: { l: 150, r: 16, t: 30, b: 45 } }), caption: `${state.group}, sparsity ${level(state.sparsity)}, runs with ${RELATIONS[found.seeds]}.` };
}
