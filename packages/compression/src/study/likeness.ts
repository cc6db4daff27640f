/** How like the source's outputs those of other models are, on the same samples. */
import { encodeModel, tensorInfo, type Model, type SessionFactory, type Session, type Tensor } from '@verge/onnx';
import { cloneModel, GraphIndex } from '../graph/index-of-values.js';
import type { Feeds } from './feeds.js';
import { stream, type StreamOptions } from './stream.js';

export interface LikenessOptions extends StreamOptions {
  createSession: SessionFactory;
}

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

interface Sums {
  signal: number;
  noise: number;
}

/**
 * The signal-to-noise ratio of each model's outputs against the source's: 10 log10 of the sum of squares of the source's values over
 * that of the differences, in decibels, at most 150; the mean over the outputs of type float32. Models have the same inputs
 * and outputs as the source. Quantized ones are computed as they are written: the integers of this machine may not be those of the
 * device, where kernels add in 16 bits on one of the two.
 * @param source bound to the samples
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function likeness(
  source: Model,
  models: readonly Model[],
  feeds: Feeds,
  options: LikenessOptions,
): Promise<number[]> {
  const sessions: { session: Session; names: string[] }[] = [];
  try {
    for (const model of [source, ...models]) {
      const { bytes, names } = withCompared(model);
      sessions.push({ session: await options.createSession(bytes, { quantizeAsWritten: true }), names });
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
    );
    return sums.map((perOutput) => meanDecibels([...perOutput.values()]));
  } finally {
    for (const { session } of sessions) await session.release();
  }
}

function add(sums: Map<number, Sums>, output: number, expected: Tensor, given: Tensor): void {
  if (expected.dtype !== 'float32' || given.dtype !== 'float32') return;
  const at = sums.get(output) ?? { signal: 0, noise: 0 };
  for (let i = 0; i < expected.data.length; i++) {
    const value = expected.data[i] as number;
    const difference = value - (given.data[i] as number);
    at.signal += value * value;
    at.noise += difference * difference;
  }
  sums.set(output, at);
}

function meanDecibels(outputs: readonly Sums[]): number {
  const decibels = outputs.map(({ signal, noise }) =>
    noise === 0 ? MOST_DB : Math.max(-MOST_DB, Math.min(MOST_DB, 10 * Math.log10(signal / noise))),
  );
  return decibels.length === 0 ? MOST_DB : decibels.reduce((a, b) => a + b, 0) / decibels.length;
}
