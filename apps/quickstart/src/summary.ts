/** The final tables. */
import type { Report } from './report.js';
import { kibibytes, mebibytes, milliseconds, percent, table } from './screen.js';

export function summary(report: Report): string {
  const models = table(
    ['model', 'role', '>size', '>parameters', '>accuracy', '>p50', '>p95', '>peak memory'],
    report.models.map((m) => [
      m.name,
      m.role,
      kibibytes(m.bytes),
      m.parameters.toLocaleString('en'),
      percent(m.accuracy),
      milliseconds(m.p50Ms),
      milliseconds(m.p95Ms),
      mebibytes(m.peakRssBytes),
    ]),
  );
  const devices = table(
    ['device', 'class', 'artifact', '>served', '>correct', '>accuracy'],
    report.devices.map((d) => [
      d.id.slice(-8),
      d.class,
      d.artifact.slice(0, 19),
      String(d.served),
      String(d.correct),
      percent(d.correct / d.served),
    ]),
  );
  const refusals = table(
    ['refusal', 'refused', 'served the same before and after'],
    report.refusals.map((r) => [r.name, r.refused ? 'yes' : 'no', r.servingBefore === r.servingAfter ? 'yes' : 'no']),
  );
  const { sent, received, duplicates } = report.telemetry;
  return [
    models,
    devices,
    `telemetry: ${sent} inferences sent, ${received} counted, ${duplicates} counted twice`,
    refusals,
  ].join('\n\n');
}
