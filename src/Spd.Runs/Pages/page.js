'use strict';
(() => {
  const tip = document.createElement('div');
  tip.className = 'tip';
  document.body.append(tip);
  const number = value => Number(value.toPrecision(4)).toString();
  const float = half => {
    const sign = half & 0x8000 ? -1 : 1, exponent = half >> 10 & 31, fraction = half & 1023;
    return sign * (exponent === 31 ? (fraction ? NaN : Infinity) : exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  };
  const bytes = new Map();
  const bytesOf = plot => {
    if (!bytes.has(plot)) bytes.set(plot, Uint8Array.from(atob(plot.dataset.values), letter => letter.charCodeAt(0)));
    return bytes.get(plot);
  };
  const series = new Map();
  const seriesOf = plot => {
    if (!series.has(plot)) series.set(plot, JSON.parse(plot.dataset.series));
    return series.get(plot);
  };
  const label = (plot, kind, index) => `${plot.dataset[kind]} ${plot.dataset[kind + 'Labels'] ? JSON.parse(plot.dataset[kind + 'Labels'])[index] : index}`;
  const cell = (plot, x, y) => {
    const rows = +plot.dataset.rows, columns = +plot.dataset.columns, rowBlock = +plot.dataset.rowBlock, columnBlock = +plot.dataset.columnBlock;
    const row = Math.min(rows - 1, Math.floor(y * rows)), column = Math.min(columns - 1, Math.floor(x * columns));
    const index = Math.floor(row / rowBlock) * Math.ceil(columns / columnBlock) + Math.floor(column / columnBlock), values = bytesOf(plot);
    return [label(plot, 'row', row), label(plot, 'column', column), number(float(values[2 * index] | values[2 * index + 1] << 8))];
  };
  const axes = plot => {
    const [x0, x1, y0, y1] = plot.dataset.range.split(',').map(Number), height = plot.dataset.log ? Math.log10 : value => value;
    return { x: value => (value - x0) / (x1 - x0), y: value => 1 - (height(value) - height(y0)) / (height(y1) - height(y0)) };
  };
  const lines = (plot, x) => {
    const { x: place } = axes(plot);
    const nearest = seriesOf(plot).map(one => ({ one, i: one.x.reduce((best, value, i) => Math.abs(place(value) - x) < Math.abs(place(one.x[best]) - x) ? i : best, 0) }));
    const at = nearest.reduce((best, next) => Math.abs(place(next.one.x[next.i]) - x) < Math.abs(place(best.one.x[best.i]) - x) ? next : best);
    return [`${plot.dataset.x} ${number(at.one.x[at.i])}`, ...nearest.filter(({ one, i }) => one.x[i] === at.one.x[at.i]).map(({ one, i }) => `${one.name}: ${number(one.y[i])}`)];
  };
  const points = (plot, x, y) => {
    const place = axes(plot);
    let nearest = null, least = 0.02 ** 2;
    for (const one of seriesOf(plot)) {
      one.x.forEach((value, i) => {
        const distance = (place.x(value) - x) ** 2 + (place.y(one.y[i]) - y) ** 2;
        if (distance < least) [nearest, least] = [[one.name, `${number(value)}, ${number(one.y[i])}`], distance];
      });
    }
    return nearest;
  };
  const folded = () => [...document.querySelectorAll('details')].filter(one => !one.open && one.querySelector('figure'));
  let unfolded = [];
  addEventListener('beforeprint', () => { unfolded = folded(); unfolded.forEach(one => { one.open = true; }); });
  addEventListener('afterprint', () => { unfolded.forEach(one => { one.open = false; }); unfolded = []; });
  document.addEventListener('pointermove', event => {
    const plot = event.target.closest ? event.target.closest('[data-hover]') : null;
    let text = null;
    if (plot) {
      const box = plot.getBoundingClientRect(), x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
      text = { cells: cell, lines, points }[plot.dataset.hover](plot, x, y);
    }
    tip.style.display = text ? 'block' : 'none';
    if (!text) return;
    tip.textContent = text.join('\n');
    const size = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(0, Math.min(event.clientX + 14, innerWidth - size.width - 4))}px`;
    tip.style.top = `${event.clientY + 16 + size.height < innerHeight ? event.clientY + 16 : event.clientY - size.height - 10}px`;
  });
  // What can be too wide for the window is scrolled by keys too.
  for (const box of document.querySelectorAll('.drawing, pre')) box.tabIndex = 0;
  const value = cell => {
    const text = cell.dataset.value ?? cell.textContent.trim().replace('−', '-'), parsed = Number.parseFloat(text);
    return /^[-+.\d]/.test(text) && !Number.isNaN(parsed) ? parsed : text;
  };
  const order = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b : typeof a === 'number' ? -1 : typeof b === 'number' ? 1 : a.localeCompare(b);
  for (const table of document.querySelectorAll('table.sortable')) {
    const head = table.rows[0];
    [...head.cells].forEach((title, column) => {
      title.tabIndex = 0;
      const sort = () => {
        // Numbers are asked for the largest first, words from A.
        const rows = [...table.tBodies[0].rows].filter(row => row !== head), isNumber = rows.some(row => typeof value(row.cells[column]) === 'number');
        const descending = title.ariaSort ? title.ariaSort === 'ascending' : isNumber;
        rows.sort((a, b) => order(value(a.cells[column]), value(b.cells[column])) * (descending ? -1 : 1));
        for (const other of head.cells) other.ariaSort = null;
        title.ariaSort = descending ? 'descending' : 'ascending';
        table.tBodies[0].append(...rows);
      };
      title.addEventListener('click', sort);
      title.addEventListener('keydown', event => { if (event.key === 'Enter') sort(); });
    });
  }
})();
