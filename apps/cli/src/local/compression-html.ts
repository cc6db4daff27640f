/** What a compression did, as one HTML page that needs no network: before and after, each pass, and what was decided of each unit. */
import type { ChannelSensitivity, CompressionReport, PassReport, UnitReport } from '@verge/contracts';
import { comparedQuality, fidelityHeadings, fidelityRows } from '../quality.js';
import { comparedFigures } from './compression-figures.js';
import { escapeXml } from './graph-svg.js';
import { bar, bytes, type Cell, list, page, table } from './report-page.js';

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

/** A row for each group of channels, with what its removals cost. */
function sensitivityTable(groups: readonly ChannelSensitivity[]): string {
  const most = Math.max(0, ...groups.flatMap(({ points }) => points.map((p) => p.divergence ?? 0)));
  const columns = Math.max(0, ...groups.map(({ points }) => points.length));
  const cells = ({ points }: ChannelSensitivity): Cell[] =>
    Array.from({ length: columns }, (_, i) => {
      const point = points[i];
      return point ? bar(point.divergence, most, (v) => `-${point.removed}: ${v.toPrecision(2)}`) : '';
    });
  return table(
    ['channels of', '>there were', ...Array.from({ length: columns }, () => '>what removals do to the outputs')],
    groups.map((group) => [group.node, String(group.channels), ...cells(group)]),
  );
}

export function section(pass: PassReport): string {
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
${list(pass.notes ?? [])}${pass.units ? unitTable(pass.units) : ''}${pass.sensitivity ? sensitivityTable(pass.sensitivity) : ''}${declined}`;
}

/** @param title what was compressed */
export function compressionHtml(report: CompressionReport, title: string): string {
  const { target, offered, reasons, after } = report;
  const compared = [...comparedQuality(report), ...comparedFigures(report)];
  const fidelity = fidelityRows(after.fidelity);
  return page(
    `${title}: ${report.recipe}`,
    title,
    `<p>recipe ${escapeXml(report.recipe)}, for the class ${escapeXml(target.name)} (${target.arch}, threads: ${target.threads}), measured on ${escapeXml(after.machine)}</p>
<p><span class="verdict${offered ? '' : ' no'}">${offered ? 'offered' : 'not offered'}</span></p>
${list(reasons)}
<h2>Before and after</h2>
${table(['', '>before', '>after'], compared)}
${list(after.notes ?? [])}
${fidelity.length > 0 ? `<h2>Likeness to the source model</h2>${table(fidelityHeadings, fidelity)}` : ''}
${report.passes.map(section).join('\n')}`,
  );
}
