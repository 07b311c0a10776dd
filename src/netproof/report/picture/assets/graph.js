{
  const { picture, css } = JSON.parse(document.getElementById('data').textContent);
  globalThis.explorer = Explorer.mount(document.getElementById('picture'), Picture.read(picture), { css, name: picture.title.replace(/[^\w.-]+/g, '-') });
}
