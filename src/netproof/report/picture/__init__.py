"""A bundle as a picture: SVG, an HTML page that can be asked, DOT and Mermaid.

`assets/picture.js` makes a picture's value a tree of SVG elements, laid out by dagre, the same in a
browser and, run by QuickJS, without one. `assets/explorer.js` is what a page adds: choosing,
switching policies off, replaying.

`assets/dagre.min.js` is that of version 3.1.3 of the package @dagrejs/dagre (MIT, see
`assets/dagre.LICENSE.txt`), as it was published; a test holds it to its SHA-256.
"""
