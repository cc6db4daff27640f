/** Accuracy of built-in networks on public data against published figures: MNIST, spoken digits, time series, a DCGAN, distillation, adapters. */
import type { Row } from './_row.js';

const topics = ['mnist', 'audio', 'series', 'gan', 'distill', 'lora'] as const;

/** `VERGE_BENCH_ONLY` names one topic; all of them in turn when absent. */
export async function run(): Promise<Row[]> {
  const only = process.env['VERGE_BENCH_ONLY'];
  const measured: Row[] = [];
  for (const topic of topics) {
    if (only && only !== topic) continue;
    const { rows } = (await import(`./_accuracy-${topic}.js`)) as { rows: () => Promise<Row[]> };
    measured.push(...(await rows()));
  }
  return measured;
}
