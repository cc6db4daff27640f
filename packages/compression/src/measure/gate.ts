/** Whether a result may be offered: only what was measured, and kept to its budget. */
import { type Budget, budgetDefaults, type Fidelity, type Measurement, type Quality } from '@verge/contracts';

/** The figure by which a task is judged, and whether a loss of it is counted in points or as a multiple. */
export const judging: Readonly<Record<Quality['task'], { metric: string; by: 'points' | 'ratio' }>> = {
  classification: { metric: 'accuracy', by: 'points' },
  'multi-label': { metric: 'macroF1', by: 'points' },
  regression: { metric: 'rmse', by: 'ratio' },
  forecasting: { metric: 'rmse', by: 'ratio' },
  reconstruction: { metric: 'rmse', by: 'ratio' },
  anomaly: { metric: 'auc', by: 'points' },
  segmentation: { metric: 'mIoU', by: 'points' },
  sequence: { metric: 'labelErrorRate', by: 'ratio' },
};

const EPSILON = 1e-9;
const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;
const digits = (x: number): string => (Number.isInteger(x) ? String(x) : x.toPrecision(4));

/**
 * Whether the source model is better than a constant answer, as far as the samples tell. Where it is not (labels of something else, or
 * too few samples), a result that is as bad lost nothing that the figure shows, and the figure judges nothing.
 */
export function saysSomething({ value, interval, baseline, higherIsBetter }: Quality): boolean {
  if (baseline === null) return true;
  return higherIsBetter ? (interval?.low ?? value) > baseline : (interval?.high ?? value) < baseline;
}

export const judges = (q: Quality): boolean => judging[q.task].metric === q.metric;

/** Why a figure is outside of the budget; null when it is inside. */
function loss(before: Quality, after: Quality, budget: Budget): string | null {
  const { metric, output } = before;
  const what = metric === 'accuracy' && before.task === 'classification' ? metric : `${metric} of output '${output}'`;
  if (judging[before.task].by === 'points') {
    const drop = 100 * (before.value - after.value);
    if (drop <= budget.maxAccuracyDropPoints + EPSILON) return null;
    return `${what} fell by ${drop.toFixed(2)} points, from ${percent(before.value)} to ${percent(after.value)}; ${budget.maxAccuracyDropPoints} are allowed`;
  }
  const most = budget.maxErrorRatio ?? budgetDefaults.maxErrorRatio;
  if (after.value <= before.value * most + EPSILON) return null;
  return `${what} rose to ${digits(after.value)}, ${before.value > 0 ? `${(after.value / before.value).toFixed(2)} times ` : 'from '}the source's ${digits(before.value)}; ${most} times are allowed`;
}

interface ByTruth {
  /** Outputs that labels or targets judge. */
  readonly judged: ReadonlySet<string>;
  /** Outputs of which they say nothing, with why. */
  readonly silent: ReadonlyMap<string, string>;
  /** What they say against the result. */
  readonly reasons: readonly string[];
}

function byTruth(before: Measurement, after: Measurement, budget: Budget): ByTruth {
  const judged = new Set<string>();
  const silent = new Map<string, string>();
  const reasons: string[] = [];
  for (const source of (before.quality ?? []).filter(judges)) {
    const same = (q: Quality): boolean => q.output === source.output && q.task === source.task && judges(q);
    const result = (after.quality ?? []).find(same);
    if (!result) {
      reasons.push(`${source.metric} of output '${source.output}' could not be measured of the result`);
      continue;
    }
    if (saysSomething(source)) judged.add(source.output);
    else
      silent.set(
        source.output,
        ` (${source.metric} says nothing: that of the source model, ${digits(source.value)}, cannot be told from a constant answer's, ${digits(source.baseline ?? 0)})`,
      );
    const reason = loss(source, result, budget);
    if (reason !== null) reasons.push(reason);
  }
  return { judged, silent, reasons };
}

/** One label-free figure and what a recipe says of it. */
interface Rule {
  readonly budget: 'minAgreement' | 'maxKl' | 'minSqnrDb' | 'maxAbsDifference';
  readonly figure: 'agreement' | 'kl' | 'sqnrDb' | 'maxAbsDifference';
  /** What an output has to be for the figure to exist. */
  readonly of: readonly Fidelity['reads'][];
  /** And for it to be asked where the recipe says nothing. */
  readonly usually: readonly Fidelity['reads'][];
  readonly least: boolean;
  readonly words: (value: number) => string;
}

const rules: readonly Rule[] = [
  {
    ...{ budget: 'minAgreement', figure: 'agreement', least: true },
    ...{ of: ['classes', 'labels'], usually: ['classes', 'labels'] },
    words: (v) => `agrees with the source model's on ${percent(v)} of the samples`,
  },
  {
    ...{ budget: 'maxKl', figure: 'kl', least: false, of: ['classes'], usually: ['classes'] },
    words: (v) => `is ${digits(v)} nats from the source model's (Kullback-Leibler divergence)`,
  },
  {
    ...{ budget: 'minSqnrDb', figure: 'sqnrDb', least: true, of: ['classes', 'values'], usually: ['values'] },
    words: (v) => `is ${v.toFixed(1)} dB from the source model's (signal to difference)`,
  },
  {
    ...{ budget: 'maxAbsDifference', figure: 'maxAbsDifference', least: false, of: ['classes', 'values'], usually: [] },
    words: (v) => `differs from the source model's by up to ${digits(v)}`,
  },
];

const allowed = ({ budget: name, least }: Rule, limit: number): string => {
  const shown = name === 'minAgreement' ? percent(limit) : name === 'minSqnrDb' ? `${limit} dB` : String(limit);
  return `${least ? 'at least' : 'at most'} ${shown} ${least ? 'is asked' : 'is allowed'}`;
};

/** What is said against one output by what needs no labels. */
function byFidelity(f: Fidelity, judged: boolean, budget: Budget): string[] {
  if (f.problem !== null) return [`output '${f.output}' cannot be compared with the source model's: ${f.problem}`];
  const reasons: string[] = [];
  let held = judged;
  for (const rule of rules) {
    if (!rule.of.includes(f.reads)) continue;
    const said = budget[rule.budget];
    const usual = rule.budget === 'maxAbsDifference' || judged || !rule.usually.includes(f.reads);
    const limit = said === undefined ? (usual ? null : budgetDefaults[rule.budget as 'maxKl']) : said;
    if (limit === null) continue;
    held = true;
    const value = f[rule.figure];
    if (value === null) {
      const few = rule.figure === 'sqnrDb' && f.samples < 2 ? ': one sample shows nothing of what varies' : '';
      reasons.push(`${rule.figure} of output '${f.output}' was not measured${few}`);
    } else if (rule.least ? value < limit - EPSILON : value > limit + EPSILON)
      reasons.push(`output '${f.output}' ${rule.words(value)}; ${allowed(rule, limit)}`);
  }
  if (held) return reasons;
  return [`nothing holds output '${f.output}': no label says what is right, and the recipe asks for no likeness`];
}

function byCost(before: Measurement, after: Measurement, budget: Budget): string[] {
  const reasons: string[] = [];
  if (before.p50Ms === null || after.p50Ms === null) {
    const why = [...(after.notes ?? []), ...(before.notes ?? [])].find((note) => note.startsWith('latency'));
    reasons.push(why ?? 'latency was not measured');
  } else {
    const slower = after.p50Ms / before.p50Ms;
    // 0 / 0 is no ratio, and nothing that took no time was measured.
    if (!(slower <= budget.maxLatencyRatio))
      reasons.push(
        `p50 latency is ${after.p50Ms.toFixed(4)} ms, ${slower.toFixed(2)} times the source's ${before.p50Ms.toFixed(4)} ms; ${budget.maxLatencyRatio} is allowed`,
      );
  }
  const larger = after.bytes / before.bytes;
  if (!(larger <= budget.maxSizeRatio))
    reasons.push(
      `the size is ${after.bytes} bytes, ${larger.toFixed(2)} times the source's ${before.bytes}; ${budget.maxSizeRatio} is allowed`,
    );
  return reasons;
}

/**
 * Why a result is not offered; empty when it is. What was not measured is a reason: an output that nothing holds, a figure that the
 * budget asks for and nobody took, a latency without a benchmark.
 * @param before of the source model
 * @param after of the result, `fidelity` being against the source model
 */
export function refusals(before: Measurement, after: Measurement, budget: Budget): string[] {
  const { judged, silent, reasons } = byTruth(before, after, budget);
  const compared = after.fidelity ?? [];
  const unseen = compared.length === 0 ? ["no output was compared with the source model's"] : [];
  return [
    ...reasons,
    ...unseen,
    ...compared.flatMap((f) =>
      byFidelity(f, judged.has(f.output), budget).map((reason) =>
        judged.has(f.output) ? reason : reason + (silent.get(f.output) ?? ''),
      ),
    ),
    ...byCost(before, after, budget),
  ];
}
