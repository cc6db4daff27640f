/** A model in stages, each in a process of its own: while one works on a batch, the one before works on the next. */
import { encodeModel, partition, type Model, type PartitionOptions, type Tensor } from '@verge/onnx';
import { RuntimeError } from '../errors.js';
import { LoadedModel, type LoadOptions } from '../process/loaded-model.js';

export type Feeds = Readonly<Record<string, Tensor>>;

export interface PipelineStage {
  readonly model: Uint8Array;
  /** Values that it reads: inputs of the whole and outputs of earlier stages. */
  readonly inputs: readonly string[];
  /** Values that it gives to later stages or to the caller. */
  readonly outputs: readonly string[];
}

export interface PipelineOptions extends Pick<LoadOptions, 'threads' | 'optimization' | 'startTimeoutMs'> {
  /** Batches that may be under way at once; a source is not read further ahead. Two for each stage when absent. */
  readonly depth?: number;
  /** Time that one stage may take for one batch, from when it is handed over; 30 s when absent. */
  readonly timeoutMs?: number;
}

export interface StreamOptions {
  /** Ends the stream with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Stages of a model for `Pipeline.open`, balanced by `partition`. */
export function stagesOf(model: Model, options: PartitionOptions): { stages: PipelineStage[]; outputs: string[] } {
  const { stages } = partition(model, options);
  return {
    stages: stages.map((s) => ({ model: encodeModel(s.model), inputs: s.inputs, outputs: s.outputs })),
    outputs: model.graph.outputs.map((o) => o.name),
  };
}

/** Values that are still read behind each stage; others are dropped as soon as they have been used. */
function liveBehind(stages: readonly PipelineStage[], outputs: readonly string[]): ReadonlySet<string>[] {
  const live: Set<string>[] = [];
  let behind = new Set(outputs);
  for (const stage of [...stages].reverse()) {
    live.unshift(behind);
    behind = new Set([...behind, ...stage.inputs]);
  }
  return live;
}

function pick(values: Feeds, wanted: Iterable<string>): Record<string, Tensor> {
  const found: Record<string, Tensor> = {};
  for (const name of wanted) if (values[name]) found[name] = values[name];
  return found;
}

function checkStages(stages: readonly PipelineStage[], outputs: readonly string[]): void {
  const problems: string[] = [];
  const given = new Set(stages.flatMap((s) => s.outputs));
  if (stages.length === 0) problems.push('there is no stage');
  for (const name of outputs) if (!given.has(name)) problems.push(`no stage gives the output '${name}'`);
  stages.forEach((stage, i) => {
    const later = new Set(stages.slice(i).flatMap((s) => s.outputs));
    for (const name of stage.inputs)
      if (later.has(name)) problems.push(`stage ${i + 1} reads '${name}' before it is made`);
  });
  if (problems.length > 0) throw new RuntimeError('bad-setting', problems.join('; '), { problems });
}

/** One stage's process; once it has ended, every batch in front of it fails. */
class Stage {
  #failure: RuntimeError | undefined;

  constructor(
    readonly spec: PipelineStage,
    readonly process: LoadedModel,
    private readonly number: number,
    private readonly limitMs: number,
  ) {
    // The batches inside the process have failed or are back in its queue by then.
    process.onExit(({ code, signal }) => {
      const error = this.#fail('crashed', `ended (${signal ?? `code ${code}`})`);
      for (const request of process.takeQueued()) request.reject(error);
    });
  }

  #fail(code: 'crashed' | 'timeout', what: string): RuntimeError {
    this.#failure ??= new RuntimeError(code, `stage ${this.number} of the pipeline ${what}`);
    return this.#failure;
  }

  run(values: Feeds): Promise<Feeds> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      const feeds = pick(values, this.spec.inputs);
      const { outputs } = this.spec;
      this.process.check(feeds, outputs);
      const timer = setTimeout(() => {
        // A run cannot be interrupted, only its process can.
        this.#fail('timeout', `gave no answer within ${this.limitMs} ms`);
        this.process.kill();
      }, this.limitMs);
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        request.settled = true;
        act();
      };
      const request = {
        feeds,
        outputs,
        enqueuedAt: performance.now(),
        settled: false,
        resolve: (result: { outputs: Feeds }) => settle(() => resolve(result.outputs)),
        reject: (error: unknown) => {
          const died = error instanceof RuntimeError && error.code === 'crashed';
          settle(() => reject(died ? this.#fail('crashed', 'ended') : error));
        },
      };
      this.process.enqueue(request);
    });
  }
}

export class Pipeline {
  readonly #stages: readonly Stage[];
  readonly #live: readonly ReadonlySet<string>[];
  readonly #depth: number;
  #closed = false;

  private constructor(stages: readonly Stage[], outputs: readonly string[], depth: number) {
    this.#stages = stages;
    this.#live = liveBehind(
      stages.map((s) => s.spec),
      outputs,
    );
    this.#depth = depth;
  }

  /**
   * Starts a process for each stage.
   * @param outputs values that a batch results in
   * @throws RuntimeError `bad-setting` when a stage reads what no earlier one makes, `model-refused`, `start-failed`,
   *   `timeout`; no process is left behind
   */
  static async open(
    stages: readonly PipelineStage[],
    outputs: readonly string[],
    options: PipelineOptions = {},
  ): Promise<Pipeline> {
    checkStages(stages, outputs);
    const { depth = 2 * stages.length, timeoutMs = 30_000, ...load } = options;
    if (!Number.isInteger(depth) || depth < 1) {
      throw new RuntimeError('bad-setting', `depth must be a whole number from 1, not ${depth}`);
    }
    const loading = stages.map((s, i) => LoadedModel.load(s.model, `stage-${i + 1}`, load));
    const loaded = await Promise.allSettled(loading);
    const failed = loaded.find((l) => l.status === 'rejected');
    const ready = loaded.flatMap((l) => (l.status === 'fulfilled' ? [l.value] : []));
    if (failed) {
      await Promise.all(ready.map((model) => model.drainAndClose(0)));
      throw failed.reason;
    }
    return new Pipeline(
      ready.map((model, i) => new Stage(stages[i]!, model, i + 1, timeoutMs)),
      outputs,
      depth,
    );
  }

  /** Process ids of the stages, in their order. */
  get pids(): readonly (number | undefined)[] {
    return this.#stages.map((stage) => stage.process.pid);
  }

  /**
   * One batch through all stages.
   * @throws RuntimeError `bad-feed`, `run-failed`, `closed`; `crashed` or `timeout` when a stage is lost, which ends the
   *   pipeline: it can only be closed
   */
  async run(feeds: Feeds): Promise<Record<string, Tensor>> {
    if (this.#closed) throw new RuntimeError('closed', 'the pipeline was closed');
    let values = feeds;
    for (const [i, stage] of this.#stages.entries()) {
      values = pick({ ...values, ...(await stage.run(values)) }, this.#live[i]!);
    }
    return values;
  }

  /**
   * Results of batches, in their order. At most `depth` batches are under way: the source is read when there is room, and
   * results wait for the reader. Ending the loop early leaves the batches under way to finish unseen.
   * @throws RuntimeError as `run`; what the source throws; the reason of `signal`
   */
  async *stream(
    source: AsyncIterable<Feeds> | Iterable<Feeds>,
    { signal }: StreamOptions = {},
  ): AsyncGenerator<Record<string, Tensor>, void, undefined> {
    const underway: Promise<Record<string, Tensor>>[] = [];
    const cancelled = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    cancelled.catch(() => undefined);
    const first = (): Promise<Record<string, Tensor>> => Promise.race([underway.shift()!, cancelled]);
    for await (const feeds of source) {
      signal?.throwIfAborted();
      const result = this.run(feeds);
      // It is looked at in its turn, maybe after an earlier one has failed.
      result.catch(() => undefined);
      underway.push(result);
      if (underway.length >= this.#depth) yield await first();
    }
    while (underway.length > 0) {
      signal?.throwIfAborted();
      yield await first();
    }
  }

  /** Answers what is under way for at most `drainMs`, then ends the processes. */
  async close(drainMs = 5000): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#stages.map((stage) => stage.process.drainAndClose(drainMs)));
  }
}
