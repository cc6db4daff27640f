/** How like the source's outputs those of other models are, on the same samples. */
import { openModel, type Model, type Session, tensorInfo, type Tensor } from '@verge/onnx';
import { cloneModel, GraphIndex } from '../graph/index-of-values.js';
import type { AskOptions } from './ask.js';
import type { Feeds } from './feeds.js';
import { Recorded } from './recorded.js';

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

/** The outputs of a model that others are compared with. */
export const recordedOutputs = (): Recorded => new Recorded((_builder, model) => [...new Set(comparedValues(model))]);

interface Opened {
  readonly session: Session;
  readonly names: readonly string[];
  readonly sums: Map<number, Sums>;
}

async function opened(model: Model, { createSession }: AskOptions): Promise<Opened> {
  const names = comparedValues(model);
  const copy = cloneModel(model);
  const present = new Set(copy.graph.outputs.map((o) => o.name));
  for (const name of new Set(names)) if (!present.has(name)) copy.graph.outputs.push(tensorInfo(name, 'float32', null));
  return { session: await openModel(createSession, copy), names, sums: new Map() };
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
 * and outputs as the source, and are run one after the other where the source's outputs are kept.
 * @param source bound to the samples
 * @param recorded the source's outputs
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function likeness(
  source: Model,
  recorded: Recorded,
  models: readonly Model[],
  feeds: Feeds,
  options: AskOptions,
): Promise<Likeness[]> {
  const each = recorded.kept ? 1 : models.length;
  const found: Likeness[] = [];
  for (let at = 0; at < models.length; at += each) {
    const onProgress = (fraction: number): void => options.onProgress?.((at + fraction * each) / models.length);
    const part = models.slice(at, at + each);
    found.push(...(await compared(source, recorded, part, feeds, { ...options, onProgress })));
  }
  return found;
}

async function compared(
  source: Model,
  recorded: Recorded,
  models: readonly Model[],
  feeds: Feeds,
  options: AskOptions,
): Promise<Likeness[]> {
  const all: Opened[] = [];
  const [wanted, place] = [comparedValues(source), new Map<string, number>()];
  for (const name of wanted) if (!place.has(name)) place.set(name, place.size);
  try {
    for (const model of models) all.push(await opened(model, options));
    await recorded.replay(source, feeds, options, async (expected, fed) => {
      for (const { session, names, sums } of all) {
        const given = await session.run(fed, [...new Set(names)]);
        for (const [output, name] of names.entries())
          add(sums, output, expected[place.get(wanted[output]!)!]!, given[name]!);
      }
    });
  } finally {
    for (const { session } of all) await session.release();
  }
  return all.map(({ sums }) => {
    const outputs = [...sums.values()];
    return { decibels: meanDecibels(outputs, false), aboutMeans: meanDecibels(outputs, true) };
  });
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
