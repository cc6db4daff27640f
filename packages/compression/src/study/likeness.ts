/** How like the source's outputs those of other models are, on the same samples. */
import { encodeModel, tensorInfo, type Model, type SessionFactory, type Session, type Tensor } from '@verge/onnx';
import { cloneModel, GraphIndex } from '../graph/index-of-values.js';
import type { Feeds } from './feeds.js';
import { stream, type StreamOptions } from './stream.js';

export interface LikenessOptions extends StreamOptions {
  createSession: SessionFactory;
}

/** Rows of one run: several models' own values are inside it. */
const ROWS = 4;

/** More decibels than these are not told apart: the outputs are equal but for roundings of float32. */
const MOST_DB = 150;

/** What is compared: each output, and in place of a Softmax's the scores that it reads, which saturate nowhere. */
function comparedValues(model: Model): string[] {
  const index = new GraphIndex(model.graph);
  return model.graph.outputs.map(({ name }) => {
    let at = name;
    for (;;) {
      const producer = index.producers.get(at);
      if (!producer || producer.domain !== '' || !['Identity', 'Softmax'].includes(producer.op)) return at;
      at = producer.inputs[0] as string;
      if (producer.op === 'Softmax') return at;
    }
  });
}

function withCompared(model: Model): { bytes: Uint8Array; names: string[] } {
  const names = comparedValues(model);
  const copy = cloneModel(model);
  const present = new Set(copy.graph.outputs.map((o) => o.name));
  for (const name of new Set(names)) if (!present.has(name)) copy.graph.outputs.push(tensorInfo(name, 'float32', null));
  return { bytes: encodeModel(copy), names };
}

/** Sums over the samples of one output. */
class Sums {
  #signal = 0;
  #noise = 0;
  #rows = 0;
  /** Of the differences, by element. */
  #shift = new Float64Array(0);

  add(expected: Float32Array, given: Float32Array, rows: number): void {
    const width = expected.length / rows;
    if (this.#shift.length !== width) this.#shift = new Float64Array(width);
    this.#rows += rows;
    for (let i = 0; i < expected.length; i++) {
      const value = expected[i] as number;
      const difference = value - (given[i] as number);
      this.#signal += value * value;
      this.#noise += difference * difference;
      this.#shift[i % width]! += difference;
    }
  }

  /** @param aboutMeans without what the differences have in common in all samples */
  decibels(aboutMeans: boolean): number {
    const common = aboutMeans ? this.#shift.reduce((sum, s) => sum + (s * s) / this.#rows, 0) : 0;
    const noise = Math.max(0, this.#noise - common);
    if (noise === 0) return MOST_DB;
    return Math.max(-MOST_DB, Math.min(MOST_DB, 10 * Math.log10(this.#signal / noise)));
  }
}

/** How like the source a model is. */
export interface Likeness {
  readonly decibels: number;
  /** The same without what the differences have in common in all samples, which a correction of biases takes back. */
  readonly aboutMeans: number;
}

/**
 * The signal-to-noise ratio of each model's outputs against the source's: 10 log10 of the sum of squares of the source's values over
 * that of the differences, in decibels, at most 150; the mean over the outputs of type float32. Models have the same inputs
 * and outputs as the source.
 * @param source bound to the samples
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function likeness(
  source: Model,
  models: readonly Model[],
  feeds: Feeds,
  options: LikenessOptions,
): Promise<Likeness[]> {
  const sessions: { session: Session; names: string[] }[] = [];
  try {
    for (const model of [source, ...models]) {
      const { bytes, names } = withCompared(model);
      sessions.push({ session: await options.createSession(bytes), names });
    }
    const [reference, ...others] = sessions as [(typeof sessions)[0], ...typeof sessions];
    const sums = others.map(() => new Map<number, Sums>());
    const wanted = [...new Set(reference.names)];
    await stream(
      reference.session,
      feeds,
      wanted,
      async (expected, fed) => {
        for (const [k, { session, names }] of others.entries()) {
          const given = await session.run(fed, [...new Set(names)]);
          for (const [output, name] of names.entries())
            add(sums[k]!, output, expected[reference.names[output] as string]!, given[name]!);
        }
      },
      options,
      ROWS,
    );
    return sums.map((perOutput) => {
      const all = [...perOutput.values()];
      return { decibels: meanDecibels(all, false), aboutMeans: meanDecibels(all, true) };
    });
  } finally {
    for (const { session } of sessions) await session.release();
  }
}

function add(sums: Map<number, Sums>, output: number, expected: Tensor, given: Tensor): void {
  if (expected.dtype !== 'float32' || given.dtype !== 'float32') return;
  const at = sums.get(output) ?? new Sums();
  at.add(expected.data, given.data, expected.dims[0] || 1);
  sums.set(output, at);
}

function meanDecibels(outputs: readonly Sums[], aboutMeans: boolean): number {
  if (outputs.length === 0) return MOST_DB;
  return outputs.reduce((sum, output) => sum + output.decibels(aboutMeans), 0) / outputs.length;
}
