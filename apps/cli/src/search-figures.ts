/** What a search found, as people read it in a terminal. */
import type { SearchReport, SearchVariant } from '@verge/contracts';
import { fields, milliseconds, size, table } from './output.js';

const points = ({ points: loss, lossBy }: SearchVariant): string =>
  loss === null ? '' : `${loss.toFixed(2)} (${lossBy ?? ''})`;

/** The front and what was measured whole, the smallest first; the rest is in the report. */
function shownVariants({ variants }: SearchReport): string[][] {
  return variants
    .filter(({ verdict, measured }) => verdict === 'best' || verdict === 'front' || measured)
    .sort((a, b) => (a.bytes ?? 0) - (b.bytes ?? 0))
    .map((v) => [
      v.id,
      size(v.bytes ?? 0),
      v.macs === null ? '?' : v.macs.toLocaleString('en'),
      points(v),
      milliseconds(v.measured?.p50Ms ?? null),
      v.verdict === 'best' ? 'best' : v.reason,
    ]);
}

/** @param more lines below those of the search */
export function searchText(report: SearchReport, more: readonly (readonly [string, string])[] = []): string {
  const { before, best, variants } = report;
  const count = (verdict: SearchVariant['verdict']): number => variants.filter((v) => v.verdict === verdict).length;
  return [
    table(['variant', '>size', '>MACs', '>loss, points', '>p50', 'verdict'], shownVariants(report)),
    '',
    fields([
      ['source', `${size(before.bytes)}, p50 ${milliseconds(before.p50Ms)}`],
      ['class', `${report.target.name} (${report.target.arch}, ${report.target.threads} threads)`],
      [
        'tried',
        `${variants.length - count('not-tried')} in ${report.seconds.toFixed(0)} s, ${report.resumed} by an earlier run; ${count('not-tried')} not tried`,
      ],
      ...report.notes.map((note) => ['note', note] as const),
      ['best', best ?? 'none'],
      ...more,
    ]),
  ].join('\n');
}
