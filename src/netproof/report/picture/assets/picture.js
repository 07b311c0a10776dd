'use strict';
/* From the value of a picture to a tree of SVG elements: the same in a browser and without one.
   It touches no document; `dagre` has to be there. A tree is [tag, {attributes}, ...children]. */
const Picture = (() => {
  const ROW = 26, GAP = 6, PAD = 12, HEAD = 26, LETTER = 7.25, LONGEST = 34, COLUMN = 12, SMALL = 16;
  const ANYONE = 'any pod in any namespace';
  const ARROWS = {
    allowed: 'allowed by a rule', open: 'open: no policy restricts it', perhaps: 'undefined by NetworkPolicy',
    leak: 'leak: denied, and got through', blocked: 'over-blocked: allowed, and did not get through',
    untold: 'inconclusive', denied: 'denied', opens: 'opens without these policies', closes: 'closes without these policies',
  };
  const MARKS = {
    open: 'open: no policy isolates it', some: 'only what rules let pass',
    shut: 'nothing passes',
  };
  const LEFT_OUT = 'arrows that nothing restricts are left out';
  const OTHERS = [
    ['outside', 'outside the cluster'], ['node', 'nodes'], ['dns', 'cluster DNS'], ['strangers', 'not in the bundle'],
  ];

  /* What one side, a decision and a flow come to with some policies switched off. */
  function sideAnswer(side, rules, off) {
    if (!off.size || !side.policies.some((one) => off.has(one))) return side.answer;
    if (side.policies.every((one) => off.has(one))) return 'allowed';
    if (side.answer === 'undefined') return 'undefined';
    return side.rules.some((one) => !off.has(rules[one].policy)) ? 'allowed' : 'denied';
  }

  function worst(answers) {
    return answers.includes('denied') ? 'denied' : answers.includes('undefined') ? 'undefined' : 'allowed';
  }

  function read(value) {
    const rows = value.targets.map(({ cells }) => {
      const row = [];
      for (let at = 0; at < cells.length; at += 2) for (let n = 0; n < cells[at]; n += 1) row.push(cells[at + 1]);
      return row;
    });
    const anyone = value.ends.findIndex(({ name, shape }) => shape === 'strangers' && name === ANYONE);
    const spaces = [...new Set(value.ends.map(({ space }) => space).filter(Boolean))];
    const targetsOf = value.ends.map(() => []);
    value.targets.forEach(({ end }, at) => targetsOf[end].push(at));
    const plainly = value.decisions.map((sides) => worst(sides.map((at) => value.sides[at].answer)));
    return { value, rows, anyone, spaces, targetsOf, plainly };
  }

  function sidesOf(model, source, target) {
    const decision = model.rows[target][source];
    return decision ? model.value.decisions[decision - 1].map((at) => model.value.sides[at]) : null;
  }

  const NONE = new Set();
  function answerOf(model, source, target, off = NONE) {
    if (!off.size) return model.plainly[model.rows[target][source] - 1] ?? null;
    const sides = sidesOf(model, source, target);
    return sides && worst(sides.map((side) => sideAnswer(side, model.value.rules, off)));
  }

  /* Whether a side lets everybody pass, so that no arrow says more than its mark. */
  function wide(model, source, target, side, off) {
    const { value, anyone, targetsOf } = model, { end, port } = value.targets[target];
    if (anyone < 0 || source === anyone || end === anyone) return false;
    if (side.direction === 'Ingress') return answerOf(model, anyone, target, off) === 'allowed';
    const named = (wanted) => targetsOf[anyone].find((at) => value.targets[at].port === wanted);
    const at = named(port) ?? named(`any/${port.split('/')[1]}`);
    return at !== undefined && answerOf(model, source, at, off) === 'allowed';
  }

  function kindOf(model, source, target, { off, seen }) {
    const now = answerOf(model, source, target, off), was = answerOf(model, source, target);
    if (was !== now) return now === 'denied' ? 'closes' : now === 'allowed' ? 'opens' : 'perhaps';
    const verdict = seen?.(source, target)?.verdict;
    if (verdict === 'leak') return 'leak';
    if (verdict === 'over-blocked') return 'blocked';
    if (verdict === 'inconclusive') return 'untold';
    if (now !== 'allowed') return now === 'undefined' ? 'perhaps' : '';
    const decided = model.value.plain || sidesOf(model, source, target).some((side) => side.policies.some((one) => !off.has(one)) && !wide(model, source, target, side, off));
    return decided ? 'allowed' : 'open';
  }

  /* One arrow for each pair of ends and kind; `wants` says which pairs and kinds. */
  function arrowsOf(model, state, wants) {
    const found = new Map(), asked = new Map();
    model.value.targets.forEach(({ end, port }, target) => model.rows[target].forEach((decision, source) => {
      if (!decision || source === end) return;
      asked.set(`${source} ${end}`, (asked.get(`${source} ${end}`) ?? 0) + 1);
      const kind = kindOf(model, source, target, state) || (state.focus?.length === 2 ? 'denied' : '');
      if (!kind || !wants(source, end, kind, target)) return;
      const key = `${source} ${end} ${kind}`;
      if (!found.has(key)) found.set(key, { from: source, to: end, kind, ports: [], targets: [] });
      found.get(key).ports.push(port);
      found.get(key).targets.push(target);
    }));
    return [...found.values()].map((one) => ({ ...one, all: one.ports.length === asked.get(`${one.from} ${one.to}`) }));
  }

  const spaceOf = (model, end) => (typeof end === 'string' ? end : model.value.ends[end].space);
  const portsOf = ({ all, ports }) => (all && ports.length > 1 ? '' : ports.join(', '));

  /* All of a namespace in the place of each of its ends: `from` and `to` are ends, or namespaces. */
  function fold(model, arrows, implied = () => false) {
    const members = new Map(model.spaces.map((space) => [space, []]));
    model.value.ends.forEach(({ space, shape }, at) => space && shape !== 'service' && members.get(space).push(at));
    const met = (from, to) => model.targetsOf[to].some((target) => model.rows[target][from]);
    const expanded = (end) => (typeof end === 'string' ? members.get(end) : [end]);
    const gather = (list, near, far) => {
      const groups = new Map(), kept = [];
      for (const one of list) {
        const space = typeof one[near] === 'number' ? model.value.ends[one[near]].space : '';
        const key = JSON.stringify([one[far], one.kind, space, near === 'from' || !one.all ? portsOf(one) : '']);
        if (!space) kept.push(one);
        else groups.set(key, [...(groups.get(key) ?? []), one]);
      }
      for (const each of groups.values()) {
        const space = spaceOf(model, each[0][near]), other = each[0][far];
        const needed = members.get(space).filter((at) => at !== other && (model.value.ends[at].shape !== 'strangers'
          || expanded(other).some((end) => (near === 'from' ? met(at, end) : met(end, at)))));
        const have = new Set(each.map((one) => one[near]));
        const gone = (at) => have.has(at) || expanded(other).every((end) => end === at || (near === 'from' ? implied(at, end) : implied(end, at)));
        const real = needed.filter((at) => have.has(at)).length;
        if (needed.length > 1 && real > 1 && real * 2 >= needed.length && needed.every(gone) && (near === 'from' || each.every(({ all }) => all))) {
          kept.push({ ...each[0], [near]: space, stands: each.flatMap((one) => one.stands ?? [one]) });
        } else kept.push(...each);
      }
      return kept;
    };
    return withoutEchoes(model, gather(gather(arrows, 'from', 'to'), 'to', 'from'));
  }

  /* What any pod of a namespace may do that one of its workloads does is told by that one. */
  function withoutEchoes(model, arrows) {
    const { ends } = model.value, strange = (end) => typeof end === 'number' && ends[end].shape === 'strangers';
    const known = new Set(arrows.flatMap((one) => [
      strange(one.from) ? '' : JSON.stringify(['from', spaceOf(model, one.from), one.to, one.kind]),
      strange(one.to) ? '' : JSON.stringify(['to', one.from, spaceOf(model, one.to), one.kind])]));
    return arrows.filter((one) => !(strange(one.from) && ends[one.from].space
      && known.has(JSON.stringify(['from', ends[one.from].space, one.to, one.kind])))
      && !(strange(one.to) && ends[one.to].space && known.has(JSON.stringify(['to', one.from, ends[one.to].space, one.kind]))));
  }

  /* Arrows of folded namespaces, between the boxes that are shown. */
  function intoFolded(model, arrows, folded) {
    const merged = new Map();
    for (const one of arrows) {
      const [from, to] = [one.from, one.to].map((end) => (folded.has(spaceOf(model, end)) ? spaceOf(model, end) : end));
      if (from === one.from && to === one.to) { merged.set(JSON.stringify([from, to, one.kind, portsOf(one)]), one); continue; }
      const key = JSON.stringify([from, to, one.kind, 'folded']), known = merged.get(key);
      const stands = [...(known?.stands ?? []), ...(one.stands ?? [one])];
      merged.set(key, { from, to, kind: one.kind, ports: [], all: true, stands, part: true });
    }
    return [...merged.values()];
  }

  /* Names in words. */
  const plural = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;
  function nameOf(model, end) {
    if (typeof end === 'string') return `namespace ${end}`;
    return model.value.ends[end].name;
  }
  function labelOf({ name, shape, space }) {
    if (shape === 'outside') return name.replace(/^outside /, '');
    if (shape === 'strangers') return space ? name.replace(` in namespace ${space}`, '') : name;
    if (shape === 'service') return `service ${name.replace(/^service [^/]*\//, '')}`;
    return space ? name.slice(space.length + 1) : name;
  }
  const wordOf = ({ value }, kind) => (value.plain && kind === 'allowed' ? kind : ARROWS[kind]);
  const widthOf = (text) => LETTER * [...text].reduce((sum, one) => sum + (one.codePointAt(0) > 0x2e7f ? 2 : 1), 0);
  function short(text, most = LONGEST) {
    const letters = [...text];
    if (letters.length <= most) return text;
    return `${letters.slice(0, Math.ceil(most / 2)).join('')}…${letters.slice(1 - Math.floor(most / 2)).join('')}`;
  }
  function served(model, end) {
    if (model.value.plain || model.value.ends[end].shape !== 'workload') return '';
    const ports = [...new Set(model.targetsOf[end].map((at) => model.value.targets[at].port.replace(/\/TCP$/, '')))];
    return ports.length > 3 ? `${ports.slice(0, 2).join(' ')} +${ports.length - 2}` : ports.join(' ');
  }
  function arrowText(model, arrow) {
    const ports = arrow.ports.join(', ');
    const [from, to] = [nameOf(model, arrow.from), nameOf(model, arrow.to)];
    const many = arrow.part ? ` (${plural(arrow.stands.length, 'pair')})` : '';
    return `${from} to ${to}${ports ? ` on ${ports}` : ''}: ${wordOf(model, arrow.kind)}${many}`;
  }
  function markOf(model, end, direction, off) {
    const { value, rows, targetsOf } = model;
    const policies = value.ends[end][direction === 'Ingress' ? 'ingress' : 'egress'].filter((one) => !off.has(one));
    if (!policies.length) return 'open';
    const lets = (source, target) => sidesOf(model, source, target)?.some((side) => side.direction === direction
      && side.policies.length && sideAnswer(side, value.rules, off) === 'allowed');
    const some = direction === 'Ingress'
      ? targetsOf[end].some((target) => rows[target].some((_, source) => lets(source, target)))
      : rows.some((_, target) => lets(end, target));
    return some ? 'some' : 'shut';
  }

  /* Boxes: a namespace each, and one for each kind of what is in none. */
  function boxesOf(model, folded, shown) {
    const boxes = [];
    const add = (key, title, ends, kind) => ends.length && boxes.push({ key, title, ends, kind, folded: folded.has(key) });
    const { ends } = model.value, each = ends.map((_, at) => at);
    for (const space of model.spaces) {
      const inside = each.filter((at) => ends[at].space === space && shown(at));
      add(space, space, inside, inside.every((at) => ends[at].shape === 'strangers') ? 'strange' : 'space');
    }
    for (const [shape, title] of OTHERS) {
      add(`:${shape}`, title, each.filter((at) => !ends[at].space && ends[at].shape === shape && shown(at)), shape);
    }
    return boxes;
  }

  function graphOf(settings) {
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph(settings);
    graph.setDefaultEdgeLabel(() => ({}));
    return graph;
  }

  function rowWidth(model, end) {
    const ports = served(model, end);
    return 44 + widthOf(short(labelOf(model.value.ends[end]))) + (ports ? widthOf(ports) + 10 : 0);
  }

  /* Places inside of a box, from its corner; what has arrows to its own kind is laid out by dagre. */
  function fill(model, box, arrows, dense) {
    const places = new Map(), titled = widthOf(box.title) + 2 * PAD + 22;
    if (box.folded) {
      const text = plural(box.ends.length, 'workload');
      return Object.assign(box, { places, w: Math.max(titled, widthOf(text) + 2 * PAD), h: HEAD + ROW + PAD, routes: new Map() });
    }
    const own = new Set(box.ends), routes = new Map();
    const inner = arrows.filter(({ from, to }) => own.has(from) && own.has(to));
    const tied = new Set(inner.flatMap(({ from, to }) => [from, to]));
    let [w, h] = [0, 0];
    if (inner.length) {
      const graph = graphOf({ rankdir: dense ? 'TB' : 'LR', nodesep: 10, ranksep: dense ? 22 : 46, edgesep: 8 });
      for (const end of box.ends) if (tied.has(end)) graph.setNode(String(end), { width: rowWidth(model, end), height: ROW });
      for (const { from, to } of inner) graph.setEdge(String(from), String(to));
      dagre.layout(graph);
      for (const end of tied) {
        const { x, y, width, height } = graph.node(String(end));
        places.set(end, { x: x - width / 2, y: y - height / 2, w: width, h: height });
      }
      for (const { v, w: to } of graph.edges()) routes.set(`${v} ${to}`, graph.edge(v, to).points);
      w = graph.graph().width;
      h = graph.graph().height + GAP;
    }
    const rest = box.ends.filter((end) => !tied.has(end));
    const wide = Math.max(0, ...rest.map((end) => rowWidth(model, end)));
    const columns = Math.max(1, Math.ceil(rest.length / COLUMN), inner.length ? Math.min(rest.length, Math.floor(w / (wide + GAP))) : 1);
    rest.forEach((end, at) => {
      const [column, line] = [at % columns, Math.floor(at / columns)];
      places.set(end, { x: column * (wide + GAP), y: h + line * (ROW + GAP), w: wide, h: ROW });
    });
    if (rest.length) {
      w = Math.max(w, columns * (wide + GAP) - GAP);
      h += Math.ceil(rest.length / columns) * (ROW + GAP);
    }
    const all = { w: Math.max(w, titled - 2 * PAD), dx: 0 };
    const stretched = !inner.length && columns === 1;
    for (const place of places.values()) {
      place.x += PAD;
      place.y += HEAD;
      if (stretched) place.w = all.w;
    }
    for (const points of routes.values()) for (const point of points) { point.x += PAD; point.y += HEAD; }
    return Object.assign(box, { places, routes, w: all.w + 2 * PAD, h: HEAD + h - GAP + PAD });
  }

  const boxKey = (boxes, end) => boxes.find((box) => (typeof end === 'string' ? box.key === end : box.ends.includes(end)))?.key;

  /* Places of boxes: dagre for those that arrows tie, rows below for the others. */
  function arrange(boxes, ties, rankdir) {
    const graph = graphOf({ rankdir, nodesep: 26, ranksep: rankdir === 'LR' ? 64 : 56, edgesep: 10 });
    const tied = new Set(ties.flat());
    for (const box of boxes) if (tied.has(box.key)) graph.setNode(box.key, { width: box.w, height: box.h });
    const weights = new Map();
    for (const [from, to] of ties) {
      const key = JSON.stringify([from, to]);
      weights.set(key, (weights.get(key) ?? 0) + 1);
    }
    for (const [key, weight] of weights) graph.setEdge(...JSON.parse(key), { weight: Math.min(weight, 4) });
    if (tied.size) dagre.layout(graph);
    const places = new Map(), routes = new Map();
    for (const box of boxes) {
      if (!tied.has(box.key)) continue;
      const { x, y } = graph.node(box.key);
      places.set(box.key, { x: x - box.w / 2, y: y - box.h / 2 });
    }
    for (const { v, w } of graph.edges()) routes.set(JSON.stringify([v, w]), graph.edge(v, w).points);
    let [width, height] = tied.size ? [graph.graph().width, graph.graph().height] : [0, 0];
    const loose = boxes.filter((box) => !tied.has(box.key)).sort((a, b) => b.h - a.h);
    const most = Math.max(width, rankdir === 'LR' ? 900 : Math.max(0, ...boxes.map((box) => box.w)));
    let [x, y, line] = [0, height ? height + 30 : 0, 0];
    for (const box of loose) {
      if (x && x + box.w > most) { x = 0; y += line + 24; line = 0; }
      places.set(box.key, { x, y });
      x += box.w + 24;
      line = Math.max(line, box.h);
      width = Math.max(width, x - 24);
      height = y + line;
    }
    return { places, routes, width, height, rankdir };
  }

  const round = (number) => Math.round(number * 10) / 10;
  const unit = ({ x, y }) => { const size = Math.hypot(x, y) || 1; return { x: x / size, y: y / size }; };

  /* A smooth way through points that leaves and arrives in given directions, and its head. */
  function drawn(points, leaves, arrives) {
    const turns = points.map((_, at) => (at === 0 ? leaves : at === points.length - 1 ? arrives
      : unit({ x: points[at + 1].x - points[at - 1].x, y: points[at + 1].y - points[at - 1].y })));
    let way = `M${round(points[0].x)} ${round(points[0].y)}`;
    const bounds = [...points];
    for (let at = 1; at < points.length; at += 1) {
      const [a, b] = [points[at - 1], points[at]], reach = Math.hypot(b.x - a.x, b.y - a.y) * 0.4;
      const c = { x: a.x + turns[at - 1].x * reach, y: a.y + turns[at - 1].y * reach };
      const d = { x: b.x - turns[at].x * reach, y: b.y - turns[at].y * reach };
      bounds.push(c, d);
      way += `C${[c.x, c.y, d.x, d.y, b.x, b.y].map(round).join(' ')}`;
    }
    const tip = points[points.length - 1], { x, y } = arrives;
    const back = (side) => `${round(tip.x - 8 * x + side * 4 * y)} ${round(tip.y - 8 * y - side * 4 * x)}`;
    return { bounds, way, head: `M${round(tip.x)} ${round(tip.y)}L${back(1)}L${back(-1)}Z`, tip };
  }

  /* Where an arrow leaves or enters an end, by where it goes next. */
  function anchor(place, next) {
    const right = next.x > place.x + place.w / 2;
    return { point: { x: place.x + (right ? place.w : 0), y: place.y + place.h / 2 }, out: { x: right ? 1 : -1, y: 0 } };
  }

  function route(scene, arrow, nth, of) {
    const boxOf = (end) => scene.boxes.find(({ key }) => key === boxKey(scene.boxes, end));
    const [here, there] = [boxOf(arrow.from), boxOf(arrow.to)];
    const placeOf = (end, box) => box.at.get(end) ?? { x: box.x, y: box.y, w: box.w, h: box.h, whole: true };
    const [a, b] = [placeOf(arrow.from, here), placeOf(arrow.to, there)];
    if (here === there) {
      if (a.whole && b.whole) return null;
      if (a.whole || b.whole) {  // all of a namespace, from or to one of it
        const row = a.whole ? b : a, left = a.whole, y = row.y + row.h / 2;
        const ends = [{ x: left ? here.x : row.x + row.w, y }, { x: left ? row.x : here.x + here.w, y }];
        return drawn(ends, { x: 1, y: 0 }, { x: 1, y: 0 });
      }
      const inner = here.routes.get(`${arrow.from} ${arrow.to}`) ?? [];
      const middle = inner.slice(1, -1).map(({ x, y }) => ({ x: x + here.x, y: y + here.y }));
      return scene.dense ? downwards(a, b, middle) : between(a, b, middle);
    }
    const way = scene.routes.get(JSON.stringify([here.key, there.key])) ?? [];
    const apart = Math.max(-36, Math.min(36, (nth - (of - 1) / 2) * 7));
    const across = scene.rankdir === 'LR' ? { x: 0, y: apart } : { x: apart, y: 0 };
    if (!way.length) return between({ ...a, whole: false }, { ...b, whole: false }, bow(a, b));
    const points = way.map(({ x, y }) => ({ x: x + across.x, y: y + across.y }));
    const middle = points.slice(a.whole ? 0 : 1, b.whole ? undefined : -1);
    return between(a, b, middle);
  }

  const centre = ({ x, y, w, h }) => ({ x: x + w / 2, y: y + h / 2 });

  /* A point beside the straight line, so that an arrow is not taken for one of what lies between. */
  function bow(a, b) {
    const [from, to] = [centre(a), centre(b)], far = Math.hypot(to.x - from.x, to.y - from.y), { x, y } = unit({ x: to.x - from.x, y: to.y - from.y });
    const aside = Math.min(60, far * 0.14);
    return far < 220 ? [] : [{ x: (from.x + to.x) / 2 + y * aside, y: (from.y + to.y) / 2 - x * aside }];
  }

  function between(a, b, middle) {
    const points = [...middle];
    let leaves, arrives;
    if (a.whole && points.length > 1) leaves = unit({ x: points[1].x - points[0].x, y: points[1].y - points[0].y });
    else { const { point, out } = anchor(a, points[0] ?? centre(b)); points.unshift(point); leaves = out; }
    if (b.whole && points.length > 1) {
      const [last, before] = [points[points.length - 1], points[points.length - 2]];
      arrives = unit({ x: last.x - before.x, y: last.y - before.y });
    } else { const { point, out } = anchor(b, points[points.length - 1]); points.push(point); arrives = { x: -out.x, y: 0 }; }
    return drawn(points, leaves, arrives);
  }

  /* From the bottom of one to the top of another, or back. */
  function downwards(a, b, middle) {
    const down = b.y > a.y, edge = (place, low) => ({ x: place.x + place.w / 2, y: place.y + (low ? place.h : 0) });
    const turn = { x: 0, y: down ? 1 : -1 };
    return drawn([edge(a, down), ...middle, edge(b, !down)], turn, turn);
  }

  const endsOf = (arrows) => arrows.flatMap((one) => (one.stands ?? [one]).flatMap(({ from, to }) => [from, to]));

  /* Everything with its place: by the arrows that are drawn when nothing is chosen, so that what is
     chosen stays where it was. */
  function layout(model, usual, arrows, state) {
    const touched = new Set(endsOf([...usual, ...arrows]));
    const always = new Set(['workload', 'dns', 'service', 'node']);
    const shown = (at) => always.has(model.value.ends[at].shape) || touched.has(at)
      || (model.value.ends[at].shape === 'outside' && model.value.ends[at].name === 'outside');
    const dense = state.narrow || model.value.ends.filter(({ shape }) => shape === 'workload').length > SMALL;
    const boxes = boxesOf(model, state.folded, shown).map((box) => fill(model, box, usual, dense));
    const ties = usual.map(({ from, to }) => [boxKey(boxes, from), boxKey(boxes, to)]).filter(([a, b]) => a !== b);
    const across = arrange(boxes, ties, 'LR');
    const size = ({ width, height }) => Math.max(width / 1280, height / 900);
    const down = state.narrow || size(across) > 1 ? arrange(boxes, ties, 'TB') : null;
    const best = down && (state.narrow || size(down) < size(across)) ? down : across;
    for (const box of boxes) {
      Object.assign(box, best.places.get(box.key));
      box.at = new Map([...box.places].map(([end, place]) => [end, { ...place, x: place.x + box.x, y: place.y + box.y }]));
    }
    const scene = { boxes, ...best, dense };
    const bundles = new Map();
    for (const one of arrows) {
      const key = JSON.stringify([boxKey(boxes, one.from), boxKey(boxes, one.to)]);
      bundles.set(key, [...(bundles.get(key) ?? []), one]);
    }
    scene.arrows = [...bundles.values()].flatMap((each) => each.map((one, nth) => ({ ...one, path: route(scene, one, nth, each.length) })));
    return scene;
  }

  /* The tree. */
  function boxTree(model, box, state) {
    const loops = state.loops.get(box.key) ?? [];
    const said = `${box.kind === 'space' || box.kind === 'strange' ? 'namespace ' : ''}${box.title}, ${plural(box.ends.length, 'end')}`;
    const tree = ['g', { class: `box ${box.kind}${box.folded ? ' folded' : ''}`, 'data-box': box.key, role: 'group', 'aria-label': said },
      ['rect', { x: round(box.x), y: round(box.y), width: round(box.w), height: round(box.h), rx: 8 }],
      ['text', { class: 'head', x: round(box.x + PAD), y: round(box.y + 17) }, short(box.title, 40)]];
    if (box.folded) tree.push(['text', { class: 'soft', x: round(box.x + PAD), y: round(box.y + HEAD + 17) }, plural(box.ends.length, 'workload')]);
    loops.forEach((one, nth) => tree.push(['g', { class: `loop ${one.kind}` }, ['title', {}, arrowText(model, one)],
      ['text', { x: round(box.x + box.w - PAD - nth * 16), y: round(box.y + 18), 'text-anchor': 'end' }, '⟲']]));
    return tree;
  }

  function markTree(kind, x, y) {
    const tree = ['g', { class: `mark ${kind}` }, ['circle', { cx: round(x), cy: round(y), r: 4.5 }]];
    if (kind === 'some') tree.push(['circle', { class: 'dot', cx: round(x), cy: round(y), r: 2 }]);
    return tree;
  }

  function endTree(model, end, place, state) {
    const { value } = model, one = value.ends[end], ports = served(model, end), label = short(labelOf(one));
    const said = [ports ? `${label} ${ports}` : label, one.space && `namespace ${one.space}`];
    const marks = [];
    if (one.shape === 'workload' && !value.plain) {
      for (const [direction, x] of [['Ingress', place.x + 11], ['Egress', place.x + place.w - 11]]) {
        const kind = markOf(model, end, direction, state.off);
        const by = one[direction === 'Ingress' ? 'ingress' : 'egress'].filter((at) => !state.off.has(at)).map((at) => value.policies[at].name);
        const text = `${direction.toLowerCase()}: ${MARKS[kind]}${by.length ? `; isolated by ${by.join(', ')}` : ''}`;
        said.push(text);
        marks.push(markTree(kind, x, place.y + place.h / 2));
      }
    }
    const chosen = state.chosen?.has(end) ? ' chosen' : '', dim = state.lit && !state.lit.has(end) ? ' dim' : '';
    return ['g', { class: `end ${one.shape}${chosen}${dim}`, 'data-end': end, role: 'img', 'aria-label': said.filter(Boolean).join(', ') },
      ['title', {}, [one.name, ...said.filter(Boolean)].join('\n')],
      ['rect', { x: round(place.x), y: round(place.y), width: round(place.w), height: place.h, rx: 5 }],
      ['text', { x: round(place.x + (one.shape === 'workload' && !value.plain ? 22 : 10)), y: round(place.y + 17) }, label,
        ...(ports ? [['tspan', { class: 'soft' }, ` ${ports}`]] : [])],
      ...marks];
  }

  function arrowTree(model, arrow, state) {
    const { way, head } = arrow.path;
    const dim = arrow.bright === false ? ' dim' : '';
    const stands = (arrow.stands ?? [arrow]).map((one) => `${one.from}-${one.to}`).join(' ');
    return ['g', { class: `arrow ${arrow.kind}${dim}`, role: 'img', 'aria-label': arrowText(model, arrow), 'data-pairs': stands },
      ['title', {}, arrowText(model, arrow)], ['path', { class: 'way', d: way }], ['path', { class: 'head', d: head }]];
  }

  function labels(scene) {
    const taken = new Map();
    return scene.arrows.filter((one) => one.path && one.ports.length && (!one.all || (one.kind === 'allowed' && scene.named(one)))
      && !(one.all && one.ports.every((port) => port.startsWith('any/')))).map((one) => {
      const text = short(one.ports.map((port) => port.replace(/\/TCP$/, '')).join(' '), 18), { tip } = one.path;
      const key = `${round(tip.x)} ${round(tip.y)}`, known = taken.get(key) ?? [];
      taken.set(key, known.includes(text) ? known : [...known, text]);
      if (known.includes(text)) return null;
      const left = one.path.way.match(/([-\d.]+) [-\d.]+ [-\d.]+ [-\d.]+$/)[1] < tip.x;
      return ['text', { class: `port ${one.kind}`, x: round(tip.x + (left ? -11 : 11)), y: round(tip.y - 4 - 11 * known.length),
        'text-anchor': left ? 'end' : 'start' }, text];
    }).filter(Boolean);
  }

  function legend(kinds, wordOf, marks, told, at, width) {
    const tree = ['g', { class: 'legend', 'aria-hidden': 'true' }];
    let [x, y] = [0, at];
    const item = (text, draw) => {
      const wide = 34 + widthOf(text) * 0.9;
      if (x && x + wide > width) { x = 0; y += 20; }
      tree.push(draw(x, y), ['text', { x: round(x + 24), y: y + 4 }, text]);
      x += wide + 14;
    };
    for (const kind of marks) item(MARKS[kind], (left, top) => markTree(kind, left + 8, top));
    if (told) item(told, () => ['g', {}]);
    for (const kind of kinds) {
      item(wordOf(kind), (left, top) => ['g', { class: `arrow ${kind}` }, ['path', { class: 'way', d: `M${left} ${top}H${left + 12}` }],
        ['path', { class: 'head', d: `M${left + 20} ${top}L${left + 12} ${top - 4}L${left + 12} ${top + 4}Z` }]]);
    }
    return [tree, y + 12];
  }

  /* Which arrows a state asks for: those of the chosen, else what rules let pass and what differs. */
  function wanted(model, state) {
    const { focus, policy } = state, kinds = new Set(['allowed', 'leak', 'blocked', 'untold', 'opens', 'closes']);
    if (state.open) for (const kind of ['open', 'perhaps']) kinds.add(kind);
    if (focus?.length === 1) return (source, end) => source === focus[0] || end === focus[0];
    if (focus?.length === 2) return (source, end) => source === focus[0] && end === focus[1];
    if (policy !== undefined) {
      return (source, end, kind, target) => kind && sidesOf(model, source, target).some((side) => side.rules.some(
        (rule) => model.value.rules[rule].policy === policy));
    }
    return (source, end, kind) => kinds.has(kind);
  }

  const STATE = { off: new Set(), folded: new Set(), open: false, narrow: false };

  function scene(model, wish = {}) {
    const state = { ...STATE, ...wish };
    const loose = arrowsOf(model, state, wanted(model, state));
    const implied = (from, to) => model.targetsOf[to].some((target) => model.rows[target][from]
      && kindOf(model, from, target, state) === 'open');
    const plain = state.focus ? loose : fold(model, loose, implied);
    return { state, arrows: intoFolded(model, plain, state.folded) };
  }

  const MANY = 60;
  /* Beyond 60 workloads namespaces are folded, the largest first. */
  function folding(model) {
    const count = (space) => model.value.ends.filter((end) => end.space === space && end.shape === 'workload').length;
    const sizes = model.spaces.map((space) => [space, count(space)]);
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    return new Set(total > MANY ? sizes.filter(([, size]) => size > 1).map(([space]) => space) : []);
  }

  function draw(model, wish = {}) {
    const { state, arrows } = scene(model, wish);
    state.loops = new Map();
    const isLoop = (one) => typeof one.from === 'string' && one.from === one.to;
    for (const one of arrows.filter(isLoop)) state.loops.set(one.from, [...(state.loops.get(one.from) ?? []), one]);
    const straight = arrows.filter((one) => !isLoop(one));
    const plain = { ...wish, focus: undefined, policy: undefined, off: new Set(), seen: undefined, open: false };
    const usual = scene(model, plain).arrows.filter((one) => !isLoop(one));
    if (state.focus) {
      state.chosen = new Set(state.focus);
      state.lit = new Set([...state.focus, ...arrows.flatMap(({ from, to }) => [from, to])]);
    } else if (state.policy !== undefined) {
      state.chosen = new Set(model.value.policies[state.policy].selects);
      state.lit = new Set([...state.chosen, ...arrows.flatMap(({ from, to, stands }) => (stands ?? [{ from, to }]).flatMap((one) => [one.from, one.to]))]);
    }
    const changed = straight.filter(({ kind }) => kind === 'opens' || kind === 'closes');
    const differing = straight.filter(({ kind }) => ['leak', 'blocked', 'untold'].includes(kind));
    if (changed.length && !state.lit) state.lit = new Set(endsOf(changed));
    const telling = changed.length ? changed : differing;
    if (telling.length && !state.focus) for (const one of straight) one.bright = telling.includes(one);
    const placed = layout(model, usual, straight, state), { value } = model;
    placed.named = ({ to }) => typeof to === 'number' && ['outside', 'strangers', 'node'].includes(value.ends[to].shape) && !state.focus;
    const workloads = value.ends.filter(({ shape }) => shape === 'workload').length;
    const said = `${plural(workloads, 'workload')} in ${plural(model.spaces.length, 'namespace')}, ${value.policies.length === 1 ? '1 policy' : `${value.policies.length} policies`}, ${plural(arrows.length, 'arrow')}`;
    const kinds = Object.keys(ARROWS).filter((kind) => arrows.some((one) => one.kind === kind));
    const points = placed.arrows.flatMap(({ path }) => path?.bounds ?? []);
    const most = (start, values) => values.reduce((a, b) => Math.max(a, b), start);
    const [left, top] = [most(0, points.map(({ x }) => -x)), most(0, points.map(({ y }) => -y))];
    const [width, height] = [most(Math.max(placed.width, 320), points.map(({ x }) => x)), most(placed.height, points.map(({ y }) => y))];
    const [told, bottom] = state.bare ? [['g', {}], height] : legend(kinds, (kind) => wordOf(model, kind), value.plain ? [] : Object.keys(MARKS), value.plain || kinds.includes('open') ? '' : LEFT_OUT, height + 34, width);
    const box = [round(-14 - left), round(-14 - top), round(width + left + 28), round(bottom + top + 22)];
    return ['svg', { xmlns: 'http://www.w3.org/2000/svg', class: 'picture', viewBox: box.join(' '), width: box[2], height: box[3], role: 'group',
      'aria-label': `${value.title}: ${said}` },
      ['title', {}, `${value.title}: ${said}`],
      ['g', { class: 'boxes' }, ...placed.boxes.map((one) => boxTree(model, one, state))],
      ['g', { class: 'arrows' }, ...placed.arrows.filter(({ path }) => path).map((one) => arrowTree(model, one, state))],
      ['g', { class: 'ends' }, ...placed.boxes.flatMap((one) => [...one.at].map(([end, place]) => endTree(model, end, place, state)))],
      ['g', { class: 'ports', 'aria-hidden': 'true' }, ...labels(placed)], told];
  }

  return { read, draw, worst, served, scene, fold, folding, answerOf, sidesOf, sideAnswer, arrowsOf, kindOf, nameOf, labelOf, portsOf, plural, ARROWS, MARKS };
})();
