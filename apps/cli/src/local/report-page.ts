/** The parts of a report as one HTML page that needs no network: tables, lists, bars. */
import { escapeXml } from './graph-svg.js';

const STYLE = `
body{margin:0 auto;padding:24px;max-width:980px;font:14px/1.45 system-ui,'Segoe UI',Roboto,sans-serif;color:#17202b;background:#fff}
h1{font-size:20px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:16px;margin:28px 0 8px}
p{margin:4px 0;color:#5c6672}.verdict{display:inline-block;padding:4px 10px;border-radius:4px;color:#fff;background:#1a7f37}
.verdict.no{background:#b42318}ul{margin:6px 0;padding-left:20px}li{overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:6px 0}
th,td{padding:4px 8px;text-align:left;border-bottom:1px solid #e6e9ed;vertical-align:top}
td:first-child{overflow-wrap:anywhere}td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{display:inline-block;height:9px;border-radius:2px;background:#3b6fd4;vertical-align:baseline}.bar.float{background:#d08a2e}
summary{cursor:pointer;color:#3b6fd4}`;

/** A text, or what is written as it is. */
export type Cell = string | { readonly html: string };

const textOf = (cell: Cell): string => (typeof cell === 'string' ? escapeXml(cell) : cell.html);

/** A heading that begins with > has its column on the right, as in the tables of a terminal. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const right = headings.map((h) => h.startsWith('>'));
  const row = (cells: readonly Cell[], tag: 'td' | 'th'): string =>
    `<tr>${cells.map((c, i) => `<${tag}${right[i] ? ' class="n"' : ''}>${textOf(c)}</${tag}>`).join('')}</tr>`;
  const head = headings.map((h) => h.replace(/^>/, ''));
  return `<div class="wide"><table><thead>${row(head, 'th')}</thead><tbody>${rows.map((r) => row(r, 'td')).join('')}</tbody></table></div>`;
}

export const list = (items: readonly string[]): string =>
  items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${escapeXml(item)}</li>`).join('')}</ul>`;

export const bytes = (n: number): string => n.toLocaleString('en');

/** A length for a number, against the largest of its kind; the number stands beside it. */
export function bar(value: number | null, most: number, text: (v: number) => string, kind = ''): Cell {
  if (value === null) return 'not measured';
  const width = most > 0 ? Math.max(1, Math.round((90 * value) / most)) : 1;
  return { html: `${escapeXml(text(value))} <span class="bar ${kind}" style="width:${width}px"></span>` };
}

/** @param body below the heading, as HTML */
export const page = (title: string, heading: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeXml(title)}</title><style>${STYLE}</style></head>
<body><h1>${escapeXml(heading)}</h1>
${body}
</body></html>
`;
