/** A search as one HTML page: what was tried by size and loss, the front, and why each variant is or is not the best. */
import type { SearchReport, SearchVariant } from '@verge/contracts';
import { milliseconds, size } from '../output.js';
import { section } from './compression-html.js';
import { escapeXml } from './graph-svg.js';
import { list, page, table } from './report-page.js';

const [WIDTH, HEIGHT] = [900, 360];
const MARGIN = { left: 64, right: 24, top: 16, bottom: 44 };

type Placed = SearchVariant & { bytes: number; points: number };

const placed = (variants: readonly SearchVariant[]): Placed[] =>
  variants.filter((v): v is Placed => v.bytes !== null && v.points !== null);

const COLOURS: Readonly<Record<SearchVariant['verdict'], string>> = {
  best: '#1a7f37',
  front: '#3b6fd4',
  dominated: '#9aa4af',
  'over-budget': '#d08a2e',
  failed: '#b42318',
  'not-tried': '#9aa4af',
};

/** Loss upwards, size to the right; both axes begin at zero. Losses far beyond the budget lie on the upper edge. */
function chart(report: SearchReport): string {
  const shown = placed(report.variants);
  if (shown.length === 0) return '';
  const { maxDropPoints, maxBytes } = report.budget;
  const top = Math.max(2 * maxDropPoints, 1, ...shown.filter((v) => v.verdict !== 'over-budget').map((v) => v.points));
  const right = Math.max(...shown.map((v) => v.bytes), report.before.bytes);
  const x = (bytes: number): number => MARGIN.left + (bytes / right) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (points: number): number =>
    HEIGHT - MARGIN.bottom - (Math.min(Math.max(points, 0), top) / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const dots = shown.map((v) => {
    const [cx, cy] = [x(v.bytes).toFixed(1), y(v.points).toFixed(1)];
    const what = `${v.id}: ${size(v.bytes)}, ${v.points.toFixed(2)} points (${v.verdict})`;
    return `<circle cx="${cx}" cy="${cy}" r="${v.verdict === 'best' ? 8 : 5}" fill="${COLOURS[v.verdict]}" fill-opacity=".85"><title>${escapeXml(what)}</title></circle>`;
  });
  const line = (x1: number, y1: number, x2: number, y2: number, colour: string): string =>
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" ${colour === '#b42318' ? 'stroke-dasharray="5 4"' : ''}/>`;
  const text = (px: number, py: number, anchor: string, words: string): string =>
    `<text x="${px}" y="${py}" text-anchor="${anchor}" font-size="12" fill="#5c6672">${escapeXml(words)}</text>`;
  const base = HEIGHT - MARGIN.bottom;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="100%" role="img" aria-label="size and loss of the variants">
${line(MARGIN.left, base, WIDTH - MARGIN.right, base, '#9aa4af')}${line(MARGIN.left, MARGIN.top, MARGIN.left, base, '#9aa4af')}
${line(MARGIN.left, y(maxDropPoints), WIDTH - MARGIN.right, y(maxDropPoints), '#b42318')}
${maxBytes === undefined || maxBytes > right ? '' : line(x(maxBytes), MARGIN.top, x(maxBytes), base, '#b42318')}
${text(MARGIN.left - 8, base + 4, 'end', '0')}${text(MARGIN.left - 8, MARGIN.top + 10, 'end', top.toFixed(1))}
${text(MARGIN.left - 8, y(maxDropPoints) + 4, 'end', maxDropPoints.toString())}
${text(WIDTH - MARGIN.right, base + 18, 'end', size(right))}${text(MARGIN.left, HEIGHT - 6, 'start', 'size to the right, loss in points upwards; dashed: the budget; losses beyond the scale lie on its upper edge')}
${dots.join('\n')}
</svg>
<p>${(['best', 'front', 'dominated', 'over-budget'] as const).map((v) => `<span style="color:${COLOURS[v]}">&#9679;</span> ${v}`).join(' &nbsp; ')}</p>`;
}

const rowOf = (v: SearchVariant): string[] => [
  v.id,
  v.verdict,
  v.bytes === null ? '' : size(v.bytes),
  v.macs === null ? '' : v.macs.toLocaleString('en'),
  v.points === null ? '' : `${v.points.toFixed(2)} (${v.lossBy ?? ''})`,
  v.measured ? milliseconds(v.measured.p50Ms) : '',
  v.reason,
];

/** @param title what was compressed */
export function searchHtml(report: SearchReport, title: string): string {
  const { budget, target, before, variants } = report;
  const best = variants.find((v) => v.id === report.best);
  const bounds = [
    `loss: ${budget.maxDropPoints} points`,
    ...(budget.maxBytes === undefined ? [] : [`size: ${size(budget.maxBytes)}`]),
    ...(budget.maxLatencyMs === undefined ? [] : [`p50: ${milliseconds(budget.maxLatencyMs)}`]),
    `time: ${budget.maxSeconds} s`,
  ];
  const order = (v: SearchVariant): number => v.bytes ?? Number.POSITIVE_INFINITY;
  return page(
    `${title}: search`,
    title,
    `<p>search for the class ${escapeXml(target.name)} (${target.arch}, threads: ${target.threads}), measured on ${escapeXml(before.machine)}; ${report.seconds.toFixed(0)} s</p>
<p>budget: ${escapeXml(bounds.join(', '))}; source: ${escapeXml(`${size(before.bytes)}, p50 ${milliseconds(before.p50Ms)}`)}</p>
<p><span class="verdict${best ? '' : ' no'}">${best ? `best: ${escapeXml(best.id)}` : 'no variant keeps to the budget'}</span></p>
${list([...(report.nearest === null ? [] : [`nearest to the budget: ${report.nearest}`]), ...report.notes])}
<h2>What was tried</h2>
${chart(report)}
${table(['variant', 'verdict', '>size', '>MACs', '>loss, points', '>p50', 'why'], variants.toSorted((a, b) => order(a) - order(b)).map(rowOf))}
${best ? `<h2>The best one, pass by pass</h2>${best.changes.map(section).join('\n')}` : ''}`,
  );
}
