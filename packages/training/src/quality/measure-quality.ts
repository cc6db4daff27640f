/** The one measure of how good models are: against what samples say, and against each other. */
import type { Accuracy, Fidelity, Quality } from '@verge/contracts';
import { pick, sampleSize, slice, type Samples } from '@verge/data';
import type { Tensor } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import { immediate } from '../pause.js';
import { OutputFidelity } from './fidelity.js';
import { feedingOf, type FeedingOptions } from './feed.js';
import type { Judge, JudgedBatch } from './judge.js';
import { planOf, type Plan, type QualityAims } from './plan.js';
import type { Subject } from './subject.js';

export interface QualityOptions extends QualityAims, FeedingOptions {
  /** Samples a run where the model leaves the batch size open; 64 unless told otherwise. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Assessment {
  readonly quality: readonly Quality[];
  /** Of every output, against the first model's; empty for the first. */
  readonly fidelity: readonly Fidelity[];
  /** By output, see `OutputFidelity.typicalKl`. */
  readonly typicalKl: ReadonlyMap<string, number>;
  /** Of a classifier. */
  readonly accuracy?: Accuracy;
  /** What it says the classes by. */
  readonly by?: 'scores' | 'labels';
  /** confusion[true class][predicted class], counts. */
  readonly confusion?: number[][];
  /** What was chosen, changed and not measured, in words. */
  readonly notes: readonly string[];
  /** Why nothing was judged that the samples are labelled for. */
  readonly failures: readonly TrainingError[];
}

const ROWS = 64;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

type Outputs = Readonly<Record<string, Tensor>>;

/** What is collected of one model. */
class Measuring {
  readonly failures: TrainingError[] = [];
  judges: Judge[] = [];
  fidelity: OutputFidelity[] = [];
  /** Why the model does not run. */
  #broken: string | undefined;

  constructor(readonly subject: Subject) {}

  begin(plan: Plan, compared: readonly string[]): void {
    this.judges = plan.judges.map((make) => make());
    this.fidelity = compared.map((output) => new OutputFidelity(output, plan.axisOf(output)));
    this.failures.push(...plan.failures);
    if (this.#broken !== undefined) for (const one of this.fidelity) one.fail(this.#broken);
  }

  get runs(): boolean {
    return this.#broken === undefined;
  }

  break(error: unknown): void {
    this.#broken = `the model does not run: ${messageOf(error)}`;
    for (const one of this.fidelity) one.fail(this.#broken);
    this.judges = [];
    this.failures.push(new TrainingError('bad-model', this.#broken, { cause: error }));
  }

  add(outputs: Outputs, batch: JudgedBatch): void {
    this.judges = this.judges.filter((judge) => {
      const output = outputs[judge.output];
      try {
        if (!output) throw new TrainingError('bad-samples', `the model has no output '${judge.output}'`);
        judge.add(output, batch);
        return true;
      } catch (error) {
        if (!(error instanceof TrainingError)) throw error;
        this.failures.push(error);
        return false;
      }
    });
  }

  finish(): Assessment {
    const judged = this.judges.map((judge) => judge.finish());
    const { accuracy, confusion } = judged.find((j) => j.accuracy) ?? {};
    const several = this.subject.outputs.length > 1;
    const by = this.judges.find((judge) => judge.by)?.by;
    return {
      quality: judged.flatMap((j) => j.quality),
      fidelity: this.fidelity.map((one) => one.finish()),
      typicalKl: new Map(this.fidelity.flatMap((one) => (one.typicalKl === null ? [] : [[one.output, one.typicalKl]]))),
      ...(accuracy && { accuracy }),
      ...(by && { by }),
      ...(confusion && { confusion }),
      notes: [
        ...this.subject.notes,
        ...this.judges.filter((judge) => several || judge.by === 'labels').map(readFrom),
        ...judged.flatMap((j) => j.notes),
        ...this.failures.map((error) => `not measured: ${error.message}`),
      ],
      failures: this.failures,
    };
  }
}

const readFrom = ({ output, task, by }: Judge): string =>
  by ? `classes are read from the ${by} of output '${output}'` : `${task} is judged by output '${output}'`;

/** The samples of a run: a fixed batch is filled up with the last one again, which counts once. */
function runsOf(samples: Samples, fixed: number | undefined, wanted: number): JudgedBatch[] {
  const count = samples.y.length;
  const rows = fixed ?? Math.min(wanted, count);
  return Array.from({ length: Math.ceil(count / rows) }, (_, i) => {
    const from = i * rows;
    const used = Math.min(rows, count - from);
    return { samples, from, used, rows: fixed ?? used };
  });
}

function rowsOf({ samples, from, used, rows }: JudgedBatch): Samples {
  if (used === rows) return slice(samples, from, from + used);
  return pick(
    samples,
    Int32Array.from({ length: rows }, (_, i) => from + Math.min(i, used - 1)),
  );
}

function check(samples: Samples): void {
  if (samples.x.length !== sampleSize(samples) * samples.y.length)
    throw new TrainingError('bad-samples', 'x and y do not have the same number of samples');
}

/**
 * Runs models on the same samples, in one pass over them. The first is the source, with which every output of the others is compared;
 * what samples say is right judges each of them alike. What cannot be measured is left out and told in `notes` and `failures`: it is
 * never 0. A later model that does not run, or not on these samples, is a failure of its own.
 * @throws TrainingError `bad-samples` when samples and the first model do not fit, all misfits at once; what its session throws;
 *   the signal's reason
 */
export async function measureQuality(
  subjects: readonly Subject[],
  samples: Samples,
  options: QualityOptions = {},
): Promise<Assessment[]> {
  check(samples);
  const { fixedInputs, dims, signal, batchSize = ROWS } = options;
  const all = subjects.map((subject) => new Measuring(subject));
  const [source, ...others] = all as [Measuring, ...Measuring[]];
  const feeding = feedingOf(source.subject.inputs, samples, { fixedInputs, dims });
  const first = feeding.main.shape[0];
  const fixed = typeof first === 'number' && first > 0 ? first : undefined;
  let begun = false;
  for (const batch of runsOf(samples, fixed, batchSize)) {
    signal?.throwIfAborted();
    const feeds = feeding.feeds(rowsOf(batch), batch.rows);
    const before = await source.subject.session.run(feeds);
    if (!begun) {
      const plan = planOf(source.subject, before, batch.rows, samples, options);
      all.forEach((one) => one.begin(plan, one === source ? [] : Object.keys(before)));
      begun = true;
    }
    source.add(before, batch);
    for (const other of others) await compare(other, feeds, before, batch);
    options.onProgress?.(batch.from + batch.used, samples.y.length);
    await immediate();
  }
  return all.map((one) => one.finish());
}

async function compare(other: Measuring, feeds: Outputs, before: Outputs, batch: JudgedBatch): Promise<void> {
  if (!other.runs) return;
  const after = await other.subject.session.run(feeds).catch((error: unknown) => other.break(error));
  if (!after) return;
  other.add(after, batch);
  for (const one of other.fidelity) one.add(before[one.output], after[one.output], batch.rows, batch.used);
}
