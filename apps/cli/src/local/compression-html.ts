/** What a compression did, as one HTML page that needs no network: before and after, each pass, and what was decided of each unit. */
import type { CompressionReport, PassReport, UnitReport } from '@verge/contracts';
import { comparedQuality, fidelityHeadings, fidelityRows } from '../quality.js';
import { comparedFigures } from './compression-figures.js';
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

type Cell = string | { readonly html: string };

const textOf = (cell: Cell): string => (typeof cell === 'string' ? escapeXml(cell) : cell.html);

/** A heading that begins with > has its column on the right, as in the tables of a terminal. */
function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const right = headings.map((h) => h.startsWith('>'));
  const row = (cells: readonly Cell[], tag: 'td' | 'th'): string =>
    `<tr>${cells.map((c, i) => `<${tag}${right[i] ? ' class="n"' : ''}>${textOf(c)}</${tag}>`).join('')}</tr>`;
  const head = headings.map((h) => h.replace(/^>/, ''));
  return `<div class="wide"><table><thead>${row(head, 'th')}</thead><tbody>${rows.map((r) => row(r, 'td')).join('')}</tbody></table></div>`;
}

const list = (items: readonly string[]): string =>
  items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${escapeXml(item)}</li>`).join('')}</ul>`;

const bytes = (n: number): string => n.toLocaleString('en');

/** A length for a number, against the largest of its kind; the number stands beside it. */
function bar(value: number | null, most: number, text: (v: number) => string, kind = ''): Cell {
  if (value === null) return 'not measured';
  const width = most > 0 ? Math.max(1, Math.round((90 * value) / most)) : 1;
  return { html: `${escapeXml(text(value))} <span class="bar ${kind}" style="width:${width}px"></span>` };
}

function unitTable(units: readonly UnitReport[]): string {
  const most = (of: (u: UnitReport) => number | null): number => Math.max(0, ...units.map((u) => of(u) ?? 0));
  const [times, divergence] = [
    Math.max(
      most((u) => u.int8Ms),
      most((u) => u.float32Ms),
    ),
    most((u) => u.divergence),
  ];
  const ms = (v: number): string => v.toPrecision(3);
  return table(
    ['unit', 'precision', '>int8, ms', '>float32, ms', '>what int8 does to the outputs', 'why'],
    units.map((u) => [
      u.node,
      u.precision,
      bar(u.int8Ms, times, ms),
      bar(u.float32Ms, times, ms, 'float'),
      bar(u.divergence, divergence, (v) => v.toPrecision(2)),
      u.reason,
    ]),
  );
}

function section(pass: PassReport): string {
  const changes = Object.entries(pass.changes).map(([name, n]) => [name, String(n)]);
  const declined =
    pass.declined.length === 0
      ? ''
      : `<details><summary>declined: ${pass.declined.length}</summary>${table(
          ['node', 'why'],
          pass.declined.map(({ node, reason }) => [node, reason]),
        )}</details>`;
  return `<h2>${escapeXml(pass.pass)}</h2>
<p>${pass.seconds.toFixed(1)} s, ${bytes(pass.bytesBefore)} bytes before, ${bytes(pass.bytesAfter)} after</p>
${changes.length > 0 ? table(['count', '>'], changes) : '<p>It changed nothing.</p>'}
${list(pass.notes ?? [])}${pass.units ? unitTable(pass.units) : ''}${declined}`;
}

/** @param title what was compressed */
export function compressionHtml(report: CompressionReport, title: string): string {
  const { target, offered, reasons, after } = report;
  const compared = [...comparedQuality(report), ...comparedFigures(report)];
  const fidelity = fidelityRows(after.fidelity);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeXml(title)}: ${escapeXml(report.recipe)}</title><style>${STYLE}</style></head>
<body><h1>${escapeXml(title)}</h1>
<p>recipe ${escapeXml(report.recipe)}, for the class ${escapeXml(target.name)} (${target.arch}, threads: ${target.threads}), measured on ${escapeXml(after.machine)}</p>
<p><span class="verdict${offered ? '' : ' no'}">${offered ? 'offered' : 'not offered'}</span></p>
${list(reasons)}
<h2>Before and after</h2>
${table(['', '>before', '>after'], compared)}
${list(after.notes ?? [])}
${fidelity.length > 0 ? `<h2>Likeness to the source model</h2>${table(fidelityHeadings, fidelity)}` : ''}
${report.passes.map(section).join('\n')}
</body></html>
`;
}
