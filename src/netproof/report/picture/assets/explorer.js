'use strict';
/* A picture that can be asked: choose an end, a pair or a policy, switch policies off, replay. */
const Explorer = (() => {
  const SVG = 'http://www.w3.org/2000/svg';
  function element(tag, text, attributes = {}, ...children) {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  function planted([tag, attributes, ...children]) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) if (name !== 'xmlns') made.setAttribute(name, value);
    made.append(...children.map((child) => (typeof child === 'string' ? child : planted(child))));
    return made;
  }

  /* Words for what decides. */
  const place = (one) => element('span', one.place, { class: 'mono soft' });
  function policyLine({ value }, at) { return element('span', '', {}, `${value.policies[at].name} `, place(value.policies[at])); }
  function ruleLine({ value }, at) {
    const rule = value.rules[at];
    return element('span', '', {}, `${rule.name} `, place(rule), ` lets pass ${rule.text}`);
  }
  function sideLines(model, side, pod, off) {
    const gone = (at) => off.has(at), list = element('ul'), way = side.direction.toLowerCase();
    const answer = Picture.sideAnswer(side, model.value.rules, off), left = side.policies.filter((at) => !gone(at));
    const head = !left.length && !side.text ? `${way} of ${pod}: no policy isolates it` : `${way} of ${pod}: ${answer}`;
    for (const at of left) list.append(element('li', '', {}, 'isolated by ', policyLine(model, at)));
    const passing = side.rules.filter((at) => !gone(model.value.rules[at].policy));
    for (const at of passing) list.append(element('li', '', {}, ruleLine(model, at)));
    if (left.length && !passing.length && !side.text) list.append(element('li', 'none of its rules lets this pass'));
    if (side.text) list.append(element('li', side.text));
    return { head, list, answer };
  }

  function mount(root, model, { steps = [], css = '', name = 'picture' } = {}) {
    const { value } = model, ends = value.ends;
    const state = { off: new Set(), folded: Picture.folding(model), open: false, narrow: root.clientWidth < 560, step: Math.max(0, steps.findIndex(({ main }) => main)) };
    let zoom = 0, timer;
    const sheet = element('div', '', { class: 'sheet drawing', tabindex: '-1' });
    const told = element('div', '', { class: 'told', role: 'status' });
    const tools = element('form', '', { class: 'tools', 'aria-label': `what the picture of ${value.title} shows` });
    tools.addEventListener('submit', (event) => event.preventDefault());
    const chooser = (label, options) => {
      const select = element('select', '', {}, ...options.map(([worth, text]) => element('option', text, { value: worth })));
      tools.append(element('label', '', {}, `${label} `, select));
      return select;
    };
    const everyone = [['', 'all'], ...ends.map(({ name: text }, at) => [at, text])];
    const from = chooser('from', everyone), to = chooser('to', everyone);
    const policy = value.policies.length ? chooser('policy', [['', 'none'], ...value.policies.map((one, at) => [at, one.name])]) : null;
    const step = value.plain && steps.length > 1 ? chooser('state', steps.map(({ text }, at) => [at, text])) : null;
    if (step) step.value = state.step;
    const open = element('input', '', { type: 'checkbox' });
    if (!value.plain) tools.append(element('label', '', {}, open, ' also what nothing restricts'));
    const button = (text, said, act) => {
      const made = element('button', text, { type: 'button', 'aria-label': said });
      made.addEventListener('click', act);
      return made;
    };
    tools.append(element('span', '', { class: 'buttons' },
      button('−', 'smaller', () => scale(zoom / 1.25)), button('+', 'larger', () => scale(zoom * 1.25)), button('fit', 'fit into the window', () => scale(fitting())),
      button('all', 'show all again', clear), button('SVG', 'save as SVG', save)));
    const offs = element('details', '', { class: 'offs' }, element('summary', 'Switch policies off'));
    const list = element('div', '', { class: 'list', tabindex: '0', role: 'group', 'aria-label': 'policies' });
    const boxes = value.policies.map((one, at) => {
      const box = element('input', '', { type: 'checkbox', value: at });
      box.addEventListener('change', () => { if (box.checked) state.off.add(at); else state.off.delete(at); render(); });
      list.append(element('label', '', {}, box, ` ${one.name} `, place(one)));
      return box;
    });
    offs.append(list, element('p', 'Worked out here, from the rules that let each flow pass: additive, as the API has it. What NetworkPolicy leaves undefined may come out otherwise.', { class: 'soft' }));
    root.replaceChildren(tools, sheet, told, ...(value.policies.length ? [offs] : []));

    function focusOf() {
      const [a, b] = [from.value, to.value].map((text) => (text === '' ? undefined : Number(text)));
      return a === undefined && b === undefined ? undefined : a !== undefined && b !== undefined && a !== b ? [a, b] : [a ?? b];
    }
    function fitting() {
      const [, , width] = sheet.firstChild.getAttribute('viewBox').split(' ').map(Number);
      return Math.min(1, Math.max(state.narrow ? 0.8 : 0.55, (sheet.clientWidth - 2) / width));
    }
    function scale(wanted) {
      zoom = Math.max(0.2, Math.min(3, wanted));
      const [, , width, height] = sheet.firstChild.getAttribute('viewBox').split(' ').map(Number);
      sheet.firstChild.setAttribute('width', width * zoom);
      sheet.firstChild.setAttribute('height', height * zoom);
    }

    function render() {
      clearTimeout(timer);
      Object.assign(state, { focus: focusOf(), policy: policy && policy.value !== '' ? Number(policy.value) : undefined, open: open.checked, seen: steps[state.step]?.seen });
      if (value.plain) model.rows = steps[state.step].rows;
      if (state.focus) { state.policy = undefined; for (const end of state.focus) state.folded.delete(ends[end].space); }
      else if (state.policy !== undefined) for (const end of value.policies[state.policy].selects) state.folded.delete(ends[end].space);
      const held = document.activeElement?.closest?.('[data-end],[data-box]'), inside = held && sheet.contains(held);
      const was = inside && [held.dataset.end, held.dataset.box];
      sheet.replaceChildren(planted(Picture.draw(model, state)));
      scale(zoom || fitting());
      const stops = [...sheet.querySelectorAll('[data-box], [data-end]')];
      for (const one of stops) {
        one.setAttribute('tabindex', '-1');
        if (one.dataset.end || ends.some(({ space }) => space === one.dataset.box)) one.setAttribute('role', 'button');
      }
      const first = (was && stops.find(({ dataset }) => (was[0] ? dataset.end === was[0] : dataset.box === was[1]))) || stops.find(({ dataset }) => dataset.end) || stops[0];
      first?.setAttribute('tabindex', '0');
      if (inside) first?.focus();
      tell();
    }

    /* What is said of the choice. */
    function tell() {
      const { focus, off } = state, parts = [];
      if (focus?.length === 2) parts.push(...tellPair(...focus));
      else if (focus) parts.push(...tellEnd(focus[0]));
      else if (state.policy !== undefined) parts.push(...tellPolicy(state.policy));
      else if (!off.size) parts.push(element('p', `Choose a workload${policy ? ', a pair (from and to) or a policy' : ' or a pair (from and to)'}: above, in the picture, or by the arrow keys.`, { class: 'soft' }));
      if (off.size && focus?.length !== 2) parts.push(...tellOff());
      told.replaceChildren(...parts);
    }

    function flowsOf(wants) {
      const found = [];
      value.targets.forEach(({ end, port }, target) => model.rows[target].forEach((decision, source) => {
        if (decision && wants(source, end)) found.push({ source, end, port, target, answer: Picture.answerOf(model, source, target, state.off) });
      }));
      return found;
    }
    function byPair(flows, near) {
      const groups = new Map();
      for (const one of flows) {
        const key = `${one[near]} ${one.answer}`;
        groups.set(key, [...(groups.get(key) ?? []), one]);
      }
      return [...groups.values()];
    }
    function pairItem(each, near) {
      const { source, end } = each[0], link = button(ends[each[0][near]].name, `replay ${ends[source].name} to ${ends[end].name}`, () => choose(source, end));
      const item = element('li', '', { class: each[0].answer }, link, ` ${each.map(({ port }) => port).join(', ')}: ${each[0].answer}`);
      const kinds = new Set(each.map(({ target }) => Picture.kindOf(model, source, target, state)));
      for (const kind of ['leak', 'blocked', 'untold']) if (kinds.has(kind)) item.append(element('b', ` ${Picture.ARROWS[kind]}`, { class: kind }));
      const rules = new Set(each.flatMap(({ target }) => Picture.sidesOf(model, source, target).flatMap(({ rules: some }) => some)));
      for (const at of rules) if (!state.off.has(value.rules[at].policy)) item.append(element('br'), ruleLine(model, at));
      return item;
    }
    function listed(title, flows, near) {
      const may = byPair(flows.filter(({ answer }) => answer !== 'denied'), near), not = byPair(flows.filter(({ answer }) => answer === 'denied'), near);
      const parts = [element('h3', `${title}: ${Picture.plural(may.length, 'end')}`), element('ul', '', {}, ...may.map((each) => pairItem(each, near)))];
      if (not.length) parts.push(element('details', '', {}, element('summary', `and not: ${not.length}`), element('ul', '', {}, ...not.map((each) => pairItem(each, near)))));
      return parts;
    }
    function tellEnd(end) {
      const parts = [element('h2', ends[end].name)], list = element('ul');
      for (const direction of ['ingress', 'egress']) {
        const by = ends[end][direction].filter((at) => !state.off.has(at));
        for (const at of by) list.append(element('li', '', {}, `isolated for ${direction} by `, policyLine(model, at)));
        if (!by.length && ends[end].shape === 'workload' && !value.plain) list.append(element('li', `no policy isolates it for ${direction}`));
      }
      parts.push(list, element('div', '', { class: 'columns' },
        element('section', '', {}, ...listed('May reach', flowsOf((source) => source === end), 'end')),
        element('section', '', {}, ...listed('May be reached by', flowsOf((_, target) => target === end), 'source'))));
      return parts;
    }

    function tellPair(source, end) {
      const flows = flowsOf((a, b) => a === source && b === end);
      const parts = [element('h2', `${ends[source].name} → ${ends[end].name}`)];
      if (!flows.length) parts.push(element('p', 'No flow is known from the one to the other.'));
      const stages = element('ol', '', { class: 'stages' }), points = [];
      for (const { port, target, answer } of flows) {
        let stopped = false;
        const sides = Picture.sidesOf(model, source, target);
        const add = (at, fine, ...content) => { points.push({ at, fine, target }); stages.append(element('li', '', { class: fine ? 'passes' : 'stops' }, ...content)); };
        for (const side of value.plain ? [] : sides) {
          const out = side.direction === 'Egress', { head, list, answer: here } = sideLines(model, side, ends[out ? source : end].name, state.off);
          if (stopped) continue;
          stopped = here === 'denied';
          add(out ? 0.06 : 0.94, !stopped, element('b', port), ` ${head}`, list);
        }
        add(stopped ? points[points.length - 1].at : 1, answer !== 'denied', element('b', port), ` by the policies: ${answer}`);
        for (const { name: state, seen } of steps) {
          for (const { said, fine } of seen(source, target)?.packets ?? []) add(fine ? 1 : 0.5, fine, element('b', port), ` ${state}: ${said}`);
        }
      }
      let now = -1;
      const packet = document.createElementNS(SVG, 'circle');
      packet.setAttribute('r', 6);
      const go = (wanted) => {
        now = Math.max(0, Math.min(points.length - 1, wanted));
        [...stages.children].forEach((item, at) => (at === now ? item.setAttribute('aria-current', 'step') : item.removeAttribute('aria-current')));
        const way = sheet.querySelector('.arrow .way');
        if (!way || !points[now]) return;
        const { x, y } = way.getPointAtLength(way.getTotalLength() * points[now].at);
        packet.setAttribute('class', `packet ${points[now].fine ? 'passes' : 'stops'}`);
        packet.setAttribute('cx', x);
        packet.setAttribute('cy', y);
        sheet.firstChild.append(packet);
      };
      const play = () => { clearTimeout(timer); go(0); const on = () => { if (now < points.length - 1) { go(now + 1); timer = setTimeout(on, 900); } }; timer = setTimeout(on, 900); };
      parts.push(element('p', '', { class: 'buttons' }, button('‹ step', 'step back', () => { clearTimeout(timer); go(now - 1); }),
        button('step ›', 'next step', () => { clearTimeout(timer); go(now + 1); }), button('▶ replay', 'replay all steps', play)), stages);
      return parts;
    }

    function tellPolicy(at) {
      const one = value.policies[at], rules = element('ul');
      value.rules.forEach((rule, n) => rule.policy === at && rules.append(element('li', '', {}, ruleLine(model, n))));
      if (!rules.children.length) rules.append(element('li', 'no rule: whatever only this policy selects is shut'));
      return [element('h2', '', {}, policyLine(model, at)),
        element('p', `isolates for ${one.directions.join(' and ').toLowerCase() || 'nothing'}: ${Picture.plural(one.selects.length, 'workload')}`),
        element('ul', '', {}, ...one.selects.map((end) => element('li', ends[end].name))), element('h3', 'Rules'), rules,
        element('p', '', {}, button('switch it off', `switch ${one.name} off and see what changes`, () => { boxes[at].checked = true; state.off.add(at); policy.value = ''; offs.open = true; render(); }))];
    }

    function tellOff() {
      const changed = flowsOf(() => true).filter(({ source, target, answer }) => answer !== Picture.answerOf(model, source, target));
      const opens = changed.filter(({ answer }) => answer !== 'denied'), closes = changed.filter(({ answer }) => answer === 'denied');
      const part = (title, flows) => [element('h3', `${title}: ${Picture.plural(flows.length, 'flow')}`),
        element('ul', '', {}, ...flows.slice(0, 100).map(({ source, end, port }) => element('li', `${ends[source].name} → ${ends[end].name} ${port}`))),
        ...(flows.length > 100 ? [element('p', `and ${flows.length - 100} more`)] : [])];
      return [element('h2', `Without ${[...state.off].map((at) => value.policies[at].name).join(', ')}`), ...part('Would open', opens), ...part('Would close', closes)];
    }

    function choose(source, end) { from.value = source; to.value = end; render(); told.querySelector('h2')?.scrollIntoView?.({ block: 'nearest' }); }
    function clear() { from.value = ''; to.value = ''; if (policy) policy.value = ''; for (const box of boxes) box.checked = false; state.off.clear(); render(); }
    function pick(one) {
      if (one.dataset.end !== undefined) {
        const end = Number(one.dataset.end), chosen = state.focus?.length === 1 ? state.focus[0] : undefined;
        if (chosen === undefined || chosen === end) { from.value = chosen === end ? '' : end; to.value = ''; render(); } else choose(chosen, end);
      } else if (one.dataset.box !== undefined && ends.some(({ space }) => space === one.dataset.box)) {
        if (!state.folded.delete(one.dataset.box)) state.folded.add(one.dataset.box);
        render();
      } else if (one.dataset.pairs) choose(...one.dataset.pairs.split(' ')[0].split('-').map(Number));
    }
    function save() {
      const copy = planted(Picture.draw(model, state));
      copy.prepend(planted(['style', {}, css]));
      const url = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' }));
      element('a', '', { href: url, download: `${name}.svg` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    }
    sheet.addEventListener('click', (event) => { const one = event.target.closest('[data-end], [data-pairs], [data-box]'); if (one) pick(one); });
    sheet.addEventListener('keydown', (event) => {
      const one = event.target.closest('[data-end], [data-box]'), stops = [...sheet.querySelectorAll('[data-end]'), ...sheet.querySelectorAll('[data-box]')];
      const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === 'Escape') clear();
      if (!one) return;
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); pick(one); }
      if (!move) return;
      event.preventDefault();
      const next = stops[(stops.indexOf(one) + move + stops.length) % stops.length];
      one.setAttribute('tabindex', '-1');
      next.setAttribute('tabindex', '0');
      next.focus();
    });
    for (const select of [from, to]) select.addEventListener('change', () => { if (policy) policy.value = ''; render(); });
    policy?.addEventListener('change', () => { from.value = ''; to.value = ''; render(); });
    step?.addEventListener('change', () => { state.step = Number(step.value); render(); });
    open.addEventListener('change', render);
    render();
    return { state, render, choose };
  }
  return { mount };
})();
