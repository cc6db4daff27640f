/** What a model gives on the samples, run by run: kept for later while it is little, and else asked of the model again. */
import type { GraphBuilder, Model, Tensor } from '@verge/onnx';
import { ask, type AskOptions, eachRun, type Fed, type Question, rowsOf } from './ask.js';
import type { Feeds } from './feeds.js';

/** Bytes that are kept of all runs together. */
const MOST_BYTES = 2 ** 25;

export class Recorded implements Question {
  #runs: Tensor[][] | null = [];
  #bytes = 0;

  /**
   * @param what adds to a model what is recorded, as `Question.ask`
   * @param check looks at each run
   * @param mostBytes that are kept
   */
  constructor(
    readonly what: (builder: GraphBuilder, model: Model) => readonly string[],
    readonly check: (values: readonly Tensor[]) => void = () => undefined,
    readonly mostBytes = MOST_BYTES,
  ) {}

  ask(builder: GraphBuilder, model: Model): readonly string[] {
    return this.what(builder, model);
  }

  take(values: readonly Tensor[]): void {
    this.check(values);
    if (this.#runs === null) return;
    this.#runs.push(values.map((value) => ({ ...value, data: value.data.slice() }) as Tensor));
    this.#bytes += values.reduce((sum, { data }) => sum + 4 * data.length, 0);
    if (this.#bytes > this.mostBytes) this.#runs = null;
  }

  /** Whether a replay costs nothing. */
  get kept(): boolean {
    return this.#runs !== null;
  }

  /**
   * Calls `use` once for each run, as it was recorded.
   * @param model that was recorded
   * @throws CompressionError `cancelled`, `bad-samples`
   */
  async replay(
    model: Model,
    feeds: Feeds,
    options: AskOptions,
    use: (values: readonly Tensor[], fed: Fed) => void | Promise<void>,
  ): Promise<void> {
    const runs = this.#runs;
    if (runs) await eachRun(feeds, rowsOf(model, feeds), options, (fed, run) => use(runs[run]!, fed));
    else await ask(model, [{ ask: this.what, take: use }], feeds, options);
  }
}
