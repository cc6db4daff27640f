/** name, help, type, labels, value; samples of one name follow each other. */
export type Sample = readonly [
  name: string,
  help: string,
  type: 'gauge' | 'counter',
  labels: Readonly<Record<string, string>>,
  value: number,
];

const escapeLabel = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** Prometheus text exposition format 0.0.4. */
export function metricsText(samples: readonly Sample[]): string {
  const lines: string[] = [];
  let previous = '';
  for (const [name, help, type, labels, value] of samples) {
    if (name !== previous) lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    previous = name;
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`);
  }
  return lines.join('\n') + '\n';
}
