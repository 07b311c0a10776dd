{
  const whole = document.getElementById('picture');
  whole.addEventListener('toggle', () => {
    if (whole.mounted) return;
    whole.mounted = true;
    const data = JSON.parse(document.getElementById('data').textContent), { title } = data.picture;
    const { model, states } = Tables.pictureOf(data, title, data.steps, data.picture);
    const name = title.replace(/[^\w.-]+/g, '-');
    Explorer.mount(whole.querySelector('div'), model, { steps: states, css: data.css, name });
  });
}
