"""The looks of the page for browsers, and the few lines that filter it.

Colour never speaks alone: every cell carries a symbol too. Nothing is loaded from elsewhere.
"""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --soft: #5b6570; --line: #d5dae0; --card: #f5f7f9;
  --pass: #1a7f45; --fail: #b42318; --unsure: #7a4bb5;
  --allowed: #dff3e6; --allowed-ink: #14532d; --denied: #e4e8ec; --denied-ink: #46505a;
  --leak: #c4231a; --blocked: #f0a420; --untold: #8250c8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161b; --ink: #e7ebef; --soft: #9aa6b2; --line: #313a44; --card: #1b2128;
    --pass: #23804a; --fail: #c93a2e; --unsure: #8457c4;
    --allowed: #17392a; --allowed-ink: #a9e5c3; --denied: #2a323a; --denied-ink: #a7b2bd;
    --leak: #d63b30; --blocked: #e09a1c; --untold: #8457c4;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1, h2, h3, p, ul { margin: 0; }
code, .mono { font-family: ui-monospace, monospace; font-size: .92em; }
a { color: inherit; }
.banner { padding: 1.1rem 1.4rem; border-radius: .5rem; color: #fff; background: var(--fail); }
.banner.pass { background: var(--pass); }
.banner.inconclusive { background: var(--unsure); }
.banner h1 { font-size: 1.7rem; line-height: 1.2; }
.facts, .soft { color: var(--soft); }
.facts { margin: .8rem 0; }
.tiles { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; padding: 0; list-style: none; }
.tiles li { padding: .4rem .9rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); }
.tiles b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.overview { width: 100%; border-collapse: collapse; margin: 1rem 0; }
.overview th, .overview td { padding: .3rem .7rem; border-bottom: 1px solid var(--line);
  text-align: right; font-variant-numeric: tabular-nums; }
.overview th { white-space: nowrap; }
.overview th:nth-child(-n+2), .overview td:nth-child(-n+2) { text-align: left; }
.badge { padding: .05rem .5rem; border-radius: .3rem; color: #fff; background: var(--fail);
  font-size: .8em; font-weight: 600; white-space: nowrap; }
.badge.pass { background: var(--pass); }
.badge.inconclusive { background: var(--unsure); }
.filters { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; margin: 1rem 0; }
.filters input[type=search] { padding: .3rem .6rem; border: 1px solid var(--line);
  border-radius: .3rem; background: var(--card); color: inherit; font: inherit; }
.scenario { margin: .6rem 0; border: 1px solid var(--line); border-radius: .5rem; }
.scenario > summary { padding: .6rem 1rem; cursor: pointer; }
.scenario > summary b { margin: 0 .6rem; }
.scenario > div { padding: 0 1rem 1rem; }
.step { margin-top: .8rem; }
.step > summary { cursor: pointer; font-weight: 600; }
.sheet { overflow-x: auto; }
.matrix { margin: .4rem 0 1rem; border-collapse: separate; border-spacing: 2px; }
.matrix caption { padding: .4rem 0 .2rem; text-align: left; font-weight: 600; }
.matrix th { font-weight: 400; text-align: left; white-space: nowrap; padding: 0 .4rem; }
.matrix .space { font-weight: 600; }
.matrix thead .space { border-left: 2px solid var(--line); }
.matrix .column { vertical-align: bottom; padding: .2rem 0; }
.matrix .column span { writing-mode: vertical-rl; transform: rotate(180deg); }
.matrix td { min-width: 1.9rem; height: 1.6rem; padding: 0; border-radius: .2rem;
  text-align: center; font: 600 .85rem ui-monospace, monospace; }
.allowed { background: var(--allowed); color: var(--allowed-ink); }
.denied { background: var(--denied); color: var(--denied-ink); }
.leak { background: var(--leak); color: #fff; }
.blocked { background: var(--blocked); color: #201500; }
.untold { background: var(--untold); color: #fff; }
.undefined { border: 1px dashed var(--line); color: var(--soft); }
.legend { display: flex; flex-wrap: wrap; gap: 1rem; margin: .6rem 0; padding: 0;
  list-style: none; }
.legend span { display: inline-block; min-width: 1.9rem; border-radius: .2rem; text-align: center;
  font: 600 .85rem/1.6 ui-monospace, monospace; margin-right: .4rem; }
.finding { margin: .6rem 0; padding: .6rem .9rem; border-left: .3rem solid var(--leak);
  border-radius: .2rem; background: var(--card); }
.finding.over-blocked { border-color: var(--blocked); }
.finding.inconclusive { border-color: var(--untold); }
.finding dl { display: grid; grid-template-columns: 6rem 1fr; gap: .1rem .6rem; margin: .3rem 0 0; }
.finding dt { color: var(--soft); }
.finding dd { margin: 0; overflow-wrap: anywhere; }
.overview.doors td, .overview.doors th { text-align: left; white-space: normal; }
.door-open { color: var(--unsure); font-weight: 600; }
.door-closed { color: var(--pass); font-weight: 600; }
.door-untold { color: var(--soft); font-weight: 600; }
.finding.door { border-color: var(--line); }
@media print { .filters { display: none; } .scenario { break-inside: avoid; } }
"""

SCRIPT = """
const only = document.getElementById('only'), find = document.getElementById('find');
function filter() {
  for (const one of document.querySelectorAll('[data-scenario]')) {
    const named = one.dataset.scenario.toLowerCase().includes(find.value.toLowerCase());
    one.hidden = !named || (only.checked && one.dataset.verdict === 'PASS');
  }
}
only.addEventListener('change', filter);
find.addEventListener('input', filter);
"""
