'use strict';
const byId = (id) => document.getElementById(id);
const cases = [...document.querySelectorAll('.case')], groups = [...document.querySelectorAll('.group')];
let read;
const data = () => (read ??= JSON.parse(byId('data').textContent));

function make(tag, text, attributes) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  return made;
}

function linkTo(name, text) {
  const line = make('p', undefined, { class: 'link' });
  line.append(make('a', 'link', { href: `#${encodeURI(name)}`, 'aria-label': text }));
  return line;
}

/* Which cases are shown. */
function filter() {
  const words = byId('find').value.toLowerCase().split(/\s+/).filter(Boolean);
  const state = byId('state').value, theme = byId('theme').value;
  let shown = 0;
  for (const one of cases) {
    one.hidden = (state && one.dataset.state !== state) || (theme && one.dataset.theme !== theme)
      || !words.every((word) => (one.said ??= one.textContent.toLowerCase()).includes(word));
    shown += !one.hidden;
  }
  const chosen = words.length || state || theme;
  for (const group of groups) {
    group.hidden = !group.querySelector('.case:not([hidden])');
    const wanted = Boolean(chosen) && !group.hidden;
    if (wanted ? !group.open : group.found) group.open = group.found = wanted;
  }
  byId('shown').textContent = `${shown} of ${cases.length} cases`;
}
for (const id of ['find', 'state', 'theme']) byId(id).addEventListener('input', filter);
byId('filters').addEventListener('submit', (event) => event.preventDefault());
byId('filters').hidden = !cases.length;

/* The steps of a case, and a matrix when its step is opened. */
function draw(one) {
  if (one.drawn) return;
  one.drawn = true;
  const body = one.querySelector('.body');
  body.prepend(linkTo(one.id, 'link to this case'));
  for (const line of body.querySelectorAll('.finding')) line.prepend(linkTo(line.id, 'link to this finding'));
  for (const [again, steps, decided] of data().cases[one.dataset.case]) {
    const first = Math.max(steps.findIndex((step) => step[1]), steps.findIndex((step) => step[2]));
    steps.forEach((step, number) => body.append(drawStep(one, step, number === Math.max(first, 0))));
    body.append(drawPicture(one, steps, decided));
    if (data().text[again] && !one.querySelector('.again')) {
      const line = make('p', 'again: ', { class: 'again' });
      line.append(make('code', data().text[again]));
      body.append(line);
    }
  }
}

function drawStep(one, [line, wrong, policies, places, nodes, views], open) {
  const step = make('details', undefined, { class: 'step' });
  step.append(make('summary', data().text[line]));
  step.fill = () => {
    step.fill = null;
    for (const place of places) step.append(make('p', data().text[place], { class: 'mono soft' }));
    for (const view of views) step.append(drawMatrix(one, view, data().nodes[nodes]));
  };
  step.addEventListener('toggle', () => step.fill?.());
  if (open) { step.fill(); step.open = true; }
  return step;
}

/* The picture of a scenario, drawn when it is opened: what was expected and seen in each step. */
function drawPicture(one, steps, decided) {
  const folded = make('details', undefined, { class: 'step' });
  folded.append(make('summary', 'picture'));
  folded.addEventListener('toggle', () => {
    if (folded.mounted) return;
    folded.mounted = true;
    const root = make('div');
    folded.append(root);
    const { model, states } = Tables.pictureOf(data(), one.id, steps, decided);
    Explorer.mount(root, model, { steps: states, css: data().css, name: one.id.replace(/[^\w.-]+/g, '-') });
  });
  return folded;
}

function split(end) {
  const name = end.replace(/^service /, ''), at = name.lastIndexOf('/');
  return [name.slice(0, Math.max(at, 0)), name.slice(at + 1)];
}

function mark(expected, verdict) {
  const { marks, blank, verdicts, expected: words } = data();
  if (verdict === blank) return null;
  const word = verdicts[verdict];
  return marks[word === 'undefined' ? 'undefined, or itself' : word === 'enforced' ? words[expected] : word];
}

function drawMatrix(one, [label, sources, destinations, expected, verdicts, , ...seen], nodes) {
  const { text, names, grids } = data();
  const rows = names[sources], columns = names[destinations], told = make('p', '', { class: 'told', role: 'status' });
  const table = make('table', undefined, { class: 'matrix', role: 'grid' });
  table.append(make('caption', text[label]));
  const heads = table.createTHead(), spaces = heads.insertRow(), tops = heads.insertRow();
  spaces.append(make('td', undefined, { colspan: 2 }));
  tops.append(make('td', undefined, { colspan: 2 }));
  columns.forEach((end, number) => {
    const [space, name] = split(end), before = number ? split(columns[number - 1])[0] : null;
    if (space === before) spaces.lastChild.colSpan += 1;
    else spaces.append(space ? make('th', space, { class: 'space', scope: 'colgroup' }) : make('td'));
    const head = make('th', undefined, { class: 'column', scope: 'col' });
    head.append(make('span', name));
    tops.append(head);
  });
  const body = table.createTBody();
  let spaceHead;
  table.cells = rows.map(() => Array(columns.length));
  rows.forEach((source, row) => {
    const line = body.insertRow(), [space, name] = split(source);
    if (row && space === split(rows[row - 1])[0]) spaceHead.rowSpan += 1;
    else line.append(spaceHead = space ? make('th', space, { class: 'space', scope: 'rowgroup' }) : make('td'));
    line.append(make('th', name, { scope: 'row' }));
    columns.forEach((destination, column) => {
      const at = row * columns.length + column;
      const look = mark(grids[expected][at], grids[verdicts][at]);
      const cell = make('td');
      if (look) {
        const saw = [...new Set(seen.map((grid) => data().seen[grids[grid][at]]))].join(' or ');
        const where = nodes[source] && nodes[destination]
          ? `, ${nodes[source] === nodes[destination] ? 'on one node' : 'across nodes'}` : '';
        cell.said = `${source} -> ${destination}, ${text[label]}${where}: expected `
          + `${data().expected[grids[expected][at]]}, seen ${saw} (${data().verdicts[grids[verdicts][at]]})`;
        cell.pair = `${source}->${destination}`.replaceAll(' ', '_');
        cell.className = look[0];
        cell.textContent = look[1];
        cell.tabIndex = -1;
        cell.at = [row, column];
        table.cells[row][column] = cell;
        cell.setAttribute('aria-label', cell.said);
      }
      line.append(cell);
    });
  });
  const start = table.querySelector('.leak, .blocked, .untold') ?? table.querySelector('td[tabindex]');
  if (start) start.tabIndex = 0;
  table.addEventListener('keydown', move);
  const pick = (event) => event.target.said && choose(one, table, event.target, told);
  table.addEventListener('click', pick);
  table.addEventListener('focusin', pick);
  const sheet = make('div', undefined, { class: 'sheet' });
  sheet.append(table);
  const whole = make('div');
  whole.append(sheet, told);
  return whole;
}

function move(event) {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  const { cells } = event.currentTarget, { at } = event.target;
  if (!step || !at) return;
  event.preventDefault();
  let [row, column] = [at[0] + step[0], at[1] + step[1]];
  while (row in cells && column >= 0 && column < cells[row].length && !cells[row][column]) { row += step[0]; column += step[1]; }
  cells[row]?.[column]?.focus();
}

function choose(one, table, cell, told) {
  table.querySelector('[tabindex="0"]')?.setAttribute('tabindex', '-1');
  table.querySelector('.chosen')?.classList.remove('chosen');
  cell.tabIndex = 0;
  cell.classList.add('chosen');
  told.replaceChildren(make('span', cell.said), linkTo(`${one.id}/${cell.pair}`, 'link to this pair'));
}

/* What is opened is drawn; an address opens what it names. */
document.addEventListener('toggle', ({ target }) => {
  if (!target.open) return;
  if (target.matches('.case')) draw(target);
  if (target.dataset.account && !target.querySelector('dl')) {
    const parts = data().accounts[target.dataset.account], list = make('dl');
    parts.forEach((part, number) => list.append(make(number % 2 ? 'dd' : 'dt', data().text[part])));
    target.append(list);
  }
}, true);
for (const one of cases) if (one.open) draw(one);

function follow() {
  let name;
  try { name = decodeURIComponent(location.hash.slice(1)); } catch { return; }
  if (!name) return;
  const one = cases.filter(({ id }) => name === id || name.startsWith(`${id}/`))
    .sort((a, b) => b.id.length - a.id.length)[0];
  if (!one) return;
  one.hidden = false;
  const group = one.closest('.group');
  if (group) { group.hidden = false; group.open = true; }
  one.open = true;
  draw(one);
  const pair = name.slice(one.id.length + 1), line = byId(name);
  const cells = [...one.querySelectorAll('td')].filter((cell) => cell.pair === pair);
  const cell = cells.find((each) => each.matches('.leak, .blocked, .untold')) ?? cells[0];
  if (cell) { const step = cell.closest('.step'); if (step) step.open = true; cell.focus({ preventScroll: true }); cell.click(); }
  (line && line !== one ? line : cell ?? one).scrollIntoView({ block: 'center' });
}
addEventListener('hashchange', follow);
follow();
addEventListener('beforeprint', () => {
  for (const one of cases) if (one.dataset.state !== 'pass') one.open = true;
});
filter();
