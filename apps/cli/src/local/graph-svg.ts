/** A laid-out graph as SVG: one file, no script, no network. */
import { COLOURS, type Kind } from './graph-kinds.js';
import type { DrawnEdge, DrawnNode, Drawing } from './graph-layout.js';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Whether XML 1.0 allows the character (section 2.2). */
const isAllowed = (c: string): boolean => (c >= ' ' ? c !== '\ufffe' && c !== '\uffff' : '\t\n\r'.includes(c));

/** Text for XML; characters that XML cannot hold become the replacement character. */
export const escapeXml = (text: string): string =>
  Array.from(text, (c) => ESCAPES[c] ?? (isAllowed(c) ? c : '\ufffd')).join('');

const px = (n: number): string => String(Math.round(n * 10) / 10);

/** Names may be paths of a hundred characters; the tooltip has them whole. */
const shortened = (text: string, most: number): string => (text.length <= most ? text : `…${text.slice(1 - most)}`);

function nodeSvg(node: DrawnNode): string {
  const [fill, border] = COLOURS[node.kind];
  const [left, top] = [node.x - node.width / 2, node.y - node.height / 2];
  const radius = node.kind === 'end' ? node.height / 2 : 5;
  const ink = node.kind === 'end' ? '#ffffff' : '#17202b';
  const at = (dy: number): string => `x="${px(node.x)}" y="${px(node.y + dy)}"`;
  return [
    `<g class="node"><title>${escapeXml(node.facts.join('\n'))}</title>`,
    `<rect x="${px(left)}" y="${px(top)}" width="${px(node.width)}" height="${px(node.height)}" rx="${radius}" fill="${fill}" stroke="${border}"/>`,
    `<text ${at(node.line ? -3 : 4)} class="op" fill="${ink}">${escapeXml(node.title)}</text>`,
    node.line ? `<text ${at(12)} class="work" fill="${ink}">${escapeXml(node.line)}</text>` : '',
    '</g>',
  ].join('');
}

/** A smooth line through the bends: quadratic curves whose ends are the middles between them. */
function path(points: DrawnEdge['points']): string {
  const [first, ...rest] = points;
  if (!first) return '';
  const steps = rest.map((p, i) => {
    const next = rest[i + 1];
    if (!next) return `L${px(p.x)} ${px(p.y)}`;
    return `Q${px(p.x)} ${px(p.y)} ${px((p.x + next.x) / 2)} ${px((p.y + next.y) / 2)}`;
  });
  return `M${px(first.x)} ${px(first.y)}${steps.join('')}`;
}

function edgeSvg(edge: DrawnEdge): string {
  const tip = escapeXml(`${edge.value} ${edge.label}`);
  const label = edge.label
    ? `<text x="${px(edge.x)}" y="${px(edge.y + 3.5)}" class="shape">${escapeXml(edge.label)}</text>`
    : '';
  return `<g class="edge"><title>${tip}</title><path d="${path(edge.points)}" marker-end="url(#tip)"/>${label}</g>`;
}

const STYLE = [
  "text{font-family:system-ui,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;text-anchor:middle}",
  '.op{font-size:12px;font-weight:600}',
  '.work,.shape{font-size:10px}',
  '.shape{fill:#5c6672;paint-order:stroke;stroke:#ffffff;stroke-width:3px}',
  '.edge path{fill:none;stroke:#98a2ad;stroke-width:1.2}',
  '.edge:hover path{stroke:#17202b;stroke-width:2}',
  '.node:hover rect{stroke-width:2.5}',
].join('');

/** Which colours mean what, those that occur. */
function legend(kinds: readonly Kind[], y: number): string {
  let x = 16;
  return kinds
    .map((kind) => {
      const [fill, border] = COLOURS[kind];
      const entry = `<rect x="${x}" y="${y}" width="12" height="12" rx="3" fill="${fill}" stroke="${border}"/><text x="${x + 18}" y="${y + 10}" class="work" style="text-anchor:start" fill="#17202b">${kind}</text>`;
      x += 34 + kind.length * 6;
      return entry;
    })
    .join('');
}

const HEAD = 80;

/**
 * @param heading two lines above the graph, say the model's name and what it counts
 */
export function graphSvg(drawing: Drawing, heading: readonly [string, string]): string {
  const kinds = [...new Set(drawing.nodes.map((n) => n.kind))].filter((kind) => kind !== 'end');
  const legendWidth = kinds.reduce((sum, kind) => sum + 34 + kind.length * 6, 32);
  const [name, line] = [shortened(heading[0], 80), heading[1]];
  const note =
    drawing.left > 0
      ? `Only the first ${drawing.nodes.filter((n) => n.kind !== 'end').length} nodes are drawn; ${drawing.left} more follow.`
      : '';
  const width = Math.ceil(
    Math.max(drawing.width, legendWidth, name.length * 8.6 + 32, line.length * 6.8 + 32, note.length * 6.8 + 32),
  );
  const head = HEAD + (note ? 18 : 0);
  const height = drawing.height + head;
  const start = (y: number, style: string, text: string): string =>
    `<text x="16" y="${y}" style="text-anchor:start;${style}" fill="#17202b">${escapeXml(text)}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(heading.join(': '))}</title><style>${STYLE}</style>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#98a2ad"/></marker></defs>',
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    start(26, 'font-size:13px;font-weight:600', name),
    start(44, 'font-size:12px', line),
    legend(kinds, 56),
    note ? start(86, 'font-size:12px;fill:#a03020', note) : '',
    `<g transform="translate(${px((width - drawing.width) / 2)} ${head})">`,
    ...drawing.edges.map(edgeSvg),
    ...drawing.nodes.map((node) => nodeSvg({ ...node, title: shortened(node.title, 40) })),
    '</g></svg>\n',
  ].join('\n');
}
