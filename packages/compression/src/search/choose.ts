/** Of the variants that were tried, the one to take: the best few by cheap measures are measured whole, on the test part. */
import type { Budget, DeviceClass, FrontPoint, Measurement, SearchBudget, SearchVariant } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { type Model } from '@verge/onnx';
import { measureModels } from '@verge/training';
import { judges, refusals } from '../measure/gate.js';
import { type Costs, frontOf } from './front.js';
import type { JournalEntry } from './journal.js';
import { spread } from '../study/spread.js';
import { steadied } from './steady.js';
import { decoded, type TrialContext } from './trial.js';

/** Variants that are measured whole at a time, and how often that is done before it is said that none keeps to the budget. */
const SHORT_LIST = 6;
const LISTS = 3;
/** Times of models differ by this share by chance alone. */
const BY_CHANCE = 0.03;

export interface Chosen {
  readonly best: string | null;
  readonly nearest: string | null;
  readonly before: Measurement;
  readonly measured: ReadonlyMap<string, Measurement>;
  readonly verdicts: ReadonlyMap<string, Pick<SearchVariant, 'verdict' | 'reason'>>;
  readonly notes: readonly string[];
}

interface Found {
  readonly source: Model;
  readonly entries: readonly JournalEntry[];
  model(id: string): Promise<Uint8Array>;
}

type Measurable = JournalEntry & Costs;

const measurable = (entry: JournalEntry): entry is Measurable =>
  entry.failed === null && entry.points !== null && entry.bytes !== null;

/** The budget of a search as the gate reads one: likeness is held to it where nothing says what is right. */
export function gateBudget(
  before: Measurement,
  after: Measurement,
  { maxDropPoints }: SearchBudget,
  here: boolean,
): Budget {
  const share = maxDropPoints / 100;
  // Of classes the loss is the share that changed, of numbers the noise.
  const classes = (after.fidelity ?? []).some(({ reads }) => reads !== 'values');
  const likeness = classes
    ? { minAgreement: Math.max(0, 1 - share) }
    : { minSqnrDb: share > 0 ? Math.round(-1000 * Math.log10(share)) / 100 : 200 };
  return {
    maxAccuracyDropPoints: maxDropPoints,
    maxErrorRatio: 1 + share,
    maxSizeRatio: 1,
    // On another architecture this machine's time says nothing.
    maxLatencyRatio: here ? 1 + BY_CHANCE : Number.MAX_VALUE,
    ...(!(before.quality ?? []).some(judges) && likeness),
  };
}

/** Whether times of this machine decided what the variant is: it differs from run to run, and is no part of the front. */
export const byTime = ({ passes }: Pick<JournalEntry, 'passes'>): boolean =>
  passes.some(
    (pass) =>
      (pass.pass === 'quantize-static' && pass.precision === 'auto') ||
      (pass.pass === 'prune-filters' && pass.latency !== undefined),
  );

/** The front of what was tried, the smallest first. */
export function frontPoints(entries: readonly JournalEntry[]): FrontPoint[] {
  const all = entries.filter((entry) => !byTime(entry)).map((entry) => ({ ...entry, macs: entry.macs ?? 0 }));
  return frontOf(all.filter(measurable))
    .map(({ id, points, bytes, macs }) => ({ id, points, bytes, macs }))
    .sort((a, b) => a.bytes - b.bytes);
}

class Choice {
  readonly measured = new Map<string, Measurement>();
  readonly refused = new Map<string, string>();
  before: Measurement | undefined;

  constructor(
    readonly found: Found,
    readonly context: TrialContext & { readonly model: Uint8Array },
    readonly budget: SearchBudget,
    readonly target: DeviceClass,
  ) {}

  get here(): boolean {
    return process.arch === this.target.arch;
  }

  /** What the cheap measures say against a variant; null where nothing. */
  cheaply({ points, lossBy, bytes }: Measurable): string | null {
    const { maxDropPoints, maxBytes } = this.budget;
    const reasons: string[] = [];
    if (points > maxDropPoints)
      reasons.push(
        `it loses ${points.toFixed(2)} points (${lossBy}) on the samples that choose; ${maxDropPoints} are allowed`,
      );
    if (maxBytes !== undefined && bytes > maxBytes) reasons.push(`it has ${bytes} bytes; ${maxBytes} are allowed`);
    return reasons.length > 0 ? reasons.join('; ') : null;
  }

  async measure(list: readonly Measurable[]): Promise<void> {
    const { model, data, ports, task, createSession, benchmark, signal } = this.context;
    const files = await Promise.all(list.map(({ id }) => this.found.model(id)));
    const models = [
      { model: this.found.source, file: model },
      ...files.map((file) => ({ model: decoded(file), file })),
    ];
    const how = { ...ports, ...(task && { task }), ...(signal && { signal }), createSession, benchmark };
    const measured = async (which: typeof models, samples: Samples): Promise<Measurement[]> => {
      const all = await measureModels(which, samples, { ...how, threads: this.target.threads });
      return all.map(({ measurement }) => measurement);
    };
    const first = await measured(models, data.test);
    const few = spread(data.test, 1);
    const again = (which: readonly number[]) =>
      measured(
        which.map((i) => models[i]!),
        few,
      );
    const [before, ...after] = this.here ? await steadied(first, this.#latencies, again) : first;
    this.before = before!;
    list.forEach(({ id }, i) => {
      const measurement = after[i]!;
      this.measured.set(id, measurement);
      const reasons = refusals(
        this.before!,
        measurement,
        gateBudget(this.before!, measurement, this.budget, this.here),
      );
      const late = this.#tooSlow(measurement);
      if (late !== null) reasons.push(late);
      if (reasons.length > 0) this.refused.set(id, reasons.join('; '));
    });
  }

  /** What a latency must not exceed. */
  #latencies = (sourceMs: number): number[] => {
    const { maxLatencyMs } = this.budget;
    return [(1 + BY_CHANCE) * sourceMs, ...(maxLatencyMs === undefined ? [] : [maxLatencyMs])];
  };

  #tooSlow({ p50Ms }: Measurement): string | null {
    const { maxLatencyMs } = this.budget;
    if (maxLatencyMs === undefined) return null;
    if (!this.here) return `latency is to be measured on the device: this machine is ${process.arch}`;
    return p50Ms !== null && p50Ms <= maxLatencyMs
      ? null
      : `p50 is ${p50Ms?.toFixed(4) ?? '?'} ms; ${maxLatencyMs} are allowed`;
  }

  /** Size and work against the source's, as one number: time where it was measured, else operations. */
  score(entry: Measurable): number {
    const own = this.measured.get(entry.id);
    const size = entry.bytes / this.context.model.byteLength;
    const time = this.here && own?.p50Ms && this.before?.p50Ms ? own.p50Ms / this.before.p50Ms : null;
    return size * (time ?? entry.macs / Math.max(1, this.before?.macs ?? 1));
  }

  /** How far beyond the budget a variant is, 1 at most within it. */
  excess(entry: Measurable): number {
    const { maxDropPoints, maxBytes, maxLatencyMs } = this.budget;
    const p50 = this.measured.get(entry.id)?.p50Ms ?? 0;
    return Math.max(
      Math.max(0, entry.points) / Math.max(0.01, maxDropPoints),
      maxBytes === undefined ? 0 : entry.bytes / maxBytes,
      maxLatencyMs === undefined ? 0 : p50 / maxLatencyMs,
    );
  }
}

/** Measures the best whole until one keeps to the budget, and says of every other why it is not taken. */
export async function chosen(
  found: Found,
  context: TrialContext & { readonly model: Uint8Array },
  budget: SearchBudget,
  target: DeviceClass,
): Promise<Chosen> {
  const choice = new Choice(found, context, budget, target);
  const all = found.entries.map((e) => ({ ...e, macs: e.macs ?? 0 })).filter(measurable);
  const front = new Set(frontOf(all.filter((entry) => !byTime(entry))).map(({ id }) => id));
  const first = (entry: Measurable): number => Number(front.has(entry.id) || byTime(entry));
  const rank = (entry: Measurable): number => entry.bytes * Math.max(1, entry.macs);
  const left = all
    .filter((entry) => choice.cheaply(entry) === null)
    .sort((a, b) => first(b) - first(a) || rank(a) - rank(b));
  let kept: Measurable[] = [];
  for (let list = 0; list < LISTS && kept.length === 0; list++) {
    const next = left.splice(0, SHORT_LIST);
    if (next.length === 0 && list > 0) break;
    await choice.measure(next);
    kept = next.filter(({ id }) => !choice.refused.has(id));
  }
  const best = kept.sort((a, b) => choice.score(a) - choice.score(b))[0] ?? null;
  const nearest = best ? null : ([...all].sort((a, b) => choice.excess(a) - choice.excess(b))[0] ?? null);
  const verdicts = found.entries.map((entry) => [entry.id, verdictOf(entry, choice, front, best)] as const);
  const notes = [
    ...(choice.here
      ? []
      : [`latency is to be measured on the device: this machine is ${process.arch}, the target ${target.arch}`]),
    ...(best ? [] : [impossible(nearest, choice)]),
  ];
  const { measured, before } = choice;
  return {
    best: best?.id ?? null,
    nearest: nearest?.id ?? null,
    before: before!,
    measured,
    verdicts: new Map(verdicts),
    notes,
  };
}

function impossible(nearest: Measurable | null, choice: Choice): string {
  if (!nearest) return 'no variant keeps to the budget, and none could be made';
  const why = choice.refused.get(nearest.id) ?? choice.cheaply(nearest) ?? 'others were measured first';
  return `no variant keeps to the budget; the nearest is '${nearest.id}', ${nearest.bytes} bytes: ${why}`;
}

function verdictOf(
  entry: JournalEntry,
  choice: Choice,
  front: ReadonlySet<string>,
  best: Measurable | null,
): Pick<SearchVariant, 'verdict' | 'reason'> {
  if (entry.failed !== null) return { verdict: 'failed', reason: entry.failed };
  if (entry.id === best?.id) return { verdict: 'best', reason: 'the least size and work within the budget' };
  const candidate = { ...entry, macs: entry.macs ?? 0 };
  if (!measurable(candidate))
    return {
      verdict: 'over-budget',
      reason: `the outputs are destroyed (divergence ${entry.divergence ?? 'without bound'})`,
    };
  const against = choice.refused.get(entry.id) ?? choice.cheaply(candidate);
  if (against !== null && against !== undefined)
    return { verdict: front.has(entry.id) ? 'front' : 'over-budget', reason: against };
  if (byTime(entry)) {
    const reason = `times of this machine decided what it is, and '${best?.id ?? ''}' has less size and work`;
    return { verdict: 'dominated', reason };
  }
  if (!front.has(entry.id)) return { verdict: 'dominated', reason: 'another is as good in loss, bytes and operations' };
  return { verdict: 'front', reason: `'${best?.id ?? ''}' has less size and work` };
}
