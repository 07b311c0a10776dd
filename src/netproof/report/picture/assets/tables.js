'use strict';
/* A picture from the tables of a run's steps: what was expected and seen of each flow, in each state. */
const Tables = (() => {
  const ANSWERS = ['allowed', 'denied', 'undefined'];
  const GRAVEST = ['leak', 'over-blocked', 'inconclusive', 'undefined', 'enforced'];

  /* By the tables of the steps; where the record says which rules decide, with those. */
  function pictureOf(data, title, steps, decided) {
    const { text, names, grids, blank, expected: words, verdicts, seen: outcomes } = data;
    const ends = new Map(), targets = new Map(), cells = steps.map(() => new Map());
    const at = (map, key, made) => { if (!map.has(key)) map.set(key, { at: map.size, made }); return map.get(key).at; };
    const endAt = (name) => at(ends, name, { name, ...kindOfEnd(name), ingress: [], egress: [] });
    steps.forEach(([, , , , , views], step) => views.forEach(([label, rows, columns, expected, told, ports, ...seen]) => {
      names[rows].forEach((source, row) => names[columns].forEach((destination, column) => {
        const cell = row * names[columns].length + column, verdict = grids[told][cell];
        if (verdict === blank) return;
        const saw = [...new Set(seen.map((grid) => outcomes[grids[grid][cell]]))].join(' or ');
        const packet = { answer: words[grids[expected][cell]], verdict: verdicts[verdict], fine: saw.includes('connected'),
          said: `${text[label]}: expected ${words[grids[expected][cell]]}, seen ${saw} (${verdicts[verdict]})` };
        for (const port of names[ports]) {
          const target = at(targets, `${endAt(destination)} ${port}`, { end: endAt(destination), port });
          const key = `${endAt(source)} ${target}`;
          cells[step].set(key, [...(cells[step].get(key) ?? []), packet]);
        }
      }));
    }));
    const listed = (map) => [...map.values()].map(({ made }) => made);
    const value = { title, plain: true, ends: listed(ends), targets: listed(targets).map((made) => ({ ...made, cells: [] })),
      sides: ANSWERS.map((answer) => ({ direction: '', answer, policies: [], rules: [], text: '' })), decisions: [[0], [1], [2]],
      policies: [], rules: [], remarks: [] };
    const worst = (packets) => GRAVEST.find((verdict) => packets.some((packet) => packet.verdict === verdict));
    const rowsOf = (known) => value.targets.map((_, target) => value.ends.map((__, source) => {
      const packets = known.get(`${source} ${target}`);
      return packets ? 1 + ANSWERS.indexOf(Picture.worst(packets.map(({ answer }) => answer))) : 0;
    }));
    const first = Math.max(steps.findIndex((step) => step[1]), steps.findIndex((step) => step[2]), 0);
    if (decided) return { model: Picture.read(decided), states: statesOf(data, decided, steps, (step, source, { name, port }) => {
      const [from, to] = [ends.get(source), ends.get(name)].map((found) => found?.at);
      return cells[step].get(`${from} ${targets.get(`${to} ${port}`)?.at}`);
    }, worst) };
    const states = steps.map(([line], step) => ({
      text: text[line], name: nameOf(text[line]), main: step === first, rows: rowsOf(cells[step]),
      seen: (source, target) => { const packets = cells[step].get(`${source} ${target}`); return packets && { verdict: worst(packets), packets }; },
    }));
    return { model: Picture.read(value), states };
  }

  /* The states of a bundle, by the names that ends have in tables. */
  function statesOf(data, { ends, targets }, steps, find, worst) {
    const named = ({ shape, name }) => (shape === 'dns' ? 'service kube-system/kube-dns' : shape === 'node' ? `node ${name}` : name);
    return steps.map(([line, , policies], step) => ({
      text: data.text[line], name: nameOf(data.text[line]), main: Boolean(policies),
      seen: (source, target) => {
        const { end, port } = targets[target];
        const packets = find(step, named(ends[source]), { name: named(ends[end]), port: port.replace(/ IPv[46]$/, '') });
        return packets && { verdict: worst(packets), packets };
      },
    }));
  }

  /* What a step is called, without its policies and figures. */
  const nameOf = (line) => line.split(/ \(|: /)[0];

  function kindOfEnd(name) {
    if (name.startsWith('service ')) return { shape: 'service', space: spaceOf(name) };
    if (name.startsWith('node ')) return { shape: 'node', space: '' };
    return name.includes('/') && !name.includes(' ') ? { shape: 'workload', space: spaceOf(name) } : { shape: 'outside', space: '' };
  }

  function spaceOf(end) {
    const name = end.replace(/^service /, ''), at = name.lastIndexOf('/');
    return name.slice(0, Math.max(at, 0));
  }
  return { pictureOf };
})();
