/** Means and deviations of trainings that differ in how weights start. */
import type { InitialisationRule, ParamValue } from '@verge/training';

/** One finished training. */
export interface Finished {
  readonly digest: string;
  readonly task: string;
  readonly rule: InitialisationRule;
  /** What else differs from the task's plan; empty for nothing. */
  readonly variant: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Of the task's own learning rate. */
  readonly factor: number;
  readonly seed: number;
  /** Shares that the last epoch's weights recognise. */
  readonly validation: number;
  readonly test: number;
}

/** In per cent. */
export interface Reached {
  readonly mean: number;
  /** Of the sample: with n - 1. */
  readonly deviation: number;
  readonly factor: number;
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, values.length - 1));
}

const nameOf = ({ rule, variant }: Finished): string => (variant ? `${rule}, ${variant}` : rule);

function grouped<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function reached(runs: readonly Finished[]): Reached {
  const test = runs.map((r) => 100 * r.test);
  return { mean: meanOf(test), deviation: deviationOf(test), factor: runs[0]!.factor };
}

/** By rule, at the learning rate whose mean over the seeds is best on the validation part. */
export function bestRates(runs: readonly Finished[]): Map<string, Reached> {
  const best = new Map<string, Reached>();
  for (const [rule, own] of grouped(runs, nameOf)) {
    const rates = [...grouped(own, (r) => `${r.factor}`).values()];
    const validation = (of: readonly Finished[]): number => meanOf(of.map((r) => r.validation));
    best.set(rule, reached(rates.reduce((a, b) => (validation(b) > validation(a) ? b : a))));
  }
  return best;
}

const text = ({ mean, deviation }: Reached): string => `${mean.toFixed(2)} +- ${deviation.toFixed(2)}`;

function table(head: string, runs: readonly Finished[], cell: (of: readonly Finished[]) => string): string {
  const tasks = [...grouped(runs, (r) => r.task)];
  const rules = [...grouped(runs, nameOf).keys()];
  const lines = rules.map((rule) => {
    const cells = tasks
      .map(([, own]) => own.filter((r) => nameOf(r) === rule))
      .map((of) => (of.length ? cell(of) : ''));
    return `| ${rule} | ${cells.join(' | ')} |`;
  });
  const dashes = ['---', ...tasks.map(() => '--:')].join(' | ');
  return [`| ${[head, ...tasks.map(([name]) => name)].join(' | ')} |`, `| ${dashes} |`, ...lines].join('\n');
}

/** Two tables in Markdown: at the learning rate that suits each rule best, and the mean of each learning rate. */
export function tables(runs: readonly Finished[]): string {
  const best = table('best rate by validation', runs, (of) => {
    const found = [...bestRates(of).values()][0]!;
    return `${text(found)} (x${+found.factor.toFixed(2)})`;
  });
  const factors = [...new Set(runs.map((r) => r.factor))].sort((a, b) => a - b);
  const each = table(`rates x${factors.map((f) => +f.toFixed(2)).join(', x')}`, runs, (of) =>
    factors.map((f) => reached(of.filter((r) => r.factor === f)).mean.toFixed(1)).join(' / '),
  );
  return `${best}\n\n${each}`;
}
