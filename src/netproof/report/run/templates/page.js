const only = document.getElementById('only'), find = document.getElementById('find');
function filter() {
  for (const one of document.querySelectorAll('[data-scenario]')) {
    const named = one.dataset.scenario.toLowerCase().includes(find.value.toLowerCase());
    one.hidden = !named || (only.checked && one.dataset.verdict === 'PASS');
  }
}
only.addEventListener('change', filter);
find.addEventListener('input', filter);
