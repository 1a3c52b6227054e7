// The figures of retrieval and similarity over parallel sentences: a line a sub-network, layer by layer.

const SUBNETWORKS = { dense: "dense", masked: "masked", oneshot: "one-shot", random: "random" };
const ABOVE = { value: "mean", "above chance (1 = equal)": "corrected" };

/** The entries of a list that agree with what is chosen in switches. */
const under = (list, state, names) => list.filter((each) => groupOf(each) === state.group && names.every((name) => each[name] === state[name]));

/** A sub-network's line, and its interval as a band where it has one. */
function subnetwork(one, at, column) {
  const traces = [], name = SUBNETWORKS[one.name];
  const sure = one.layers.map((_, place) => place).filter((place) => column === "mean" && one.low[place] !== null);
  const of = (values) => sure.map((place) => values[place]);
  if (sure.length) traces.push({ ...band(of(one.layers), of(one.low), of(one.high), colour(at)), legendgroup: one.name });
  traces.push({
    x: one.layers, y: one[column], name, legendgroup: one.name, type: "scatter", mode: "lines+markers",
    line: { color: colour(at), width: one.name === "masked" ? 3 : 1.5 }, marker: { symbol: SYMBOLS[at], size: 8 },
    customdata: one.hover.map(lines), hovertemplate: "%{customdata}<extra></extra>",
  });
  return traces;
}

function layerAxes(found, title) {
  const last = Math.max(...found.lines.flatMap((one) => one.layers));
  return { xaxis: { title: { text: "layer (0: embeddings)" }, dtick: last > 14 ? 4 : last > 7 && PHONE.matches ? 2 : 1, zeroline: false }, yaxis: { title: { text: title }, zeroline: false } };
}

function retrieval(state) {
  const [found] = under(data.retrieval, state, ["pair", "mask", "sparsity", "top"]);
  const ends = [Math.min(...found.lines.flatMap((one) => one.layers)), Math.max(...found.lines.flatMap((one) => one.layers))];
  const chance = {
    x: ends, y: [found.chance, found.chance], name: "chance", type: "scatter", mode: "lines", line: { color: css("--soft"), dash: "dot", width: 1.5 },
    hovertemplate: `chance ${fixed(found.chance, 2)}<extra></extra>`,
  };
  return { traces: [...found.lines.flatMap((one, at) => subnetwork(one, at, "mean")), chance], layout: layout(layerAxes(found, `found among ${found.top} (%)`)), caption: found.caption };
}

function similarity(state) {
  const [found] = under(data.similarity, state, ["pair", "mask", "sparsity", "measure"]);
  const column = ABOVE[state.show];
  const traces = found.lines.flatMap((one, at) => subnetwork(one, at, column));
  if (column === "mean") {
    traces.push(...found.lines.map((one, at) => ({
      x: one.layers, y: one.chance, name: "paired at random", legendgroup: "chance", showlegend: at === 0, type: "scatter", mode: "lines",
      line: { color: colour(at), dash: "dot", width: 1.5 }, hovertemplate: `${SUBNETWORKS[one.name]}, paired at random, layer %{x}: %{y:.3f}<extra></extra>`,
    })));
  }
  return { traces, layout: layout(layerAxes(found, column === "mean" ? found.measured : state.show)), caption: found.caption };
}
