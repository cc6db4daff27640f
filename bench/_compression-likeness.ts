/** How near a quantised network's outputs are to the source's, as both run on this machine. */
import type { Samples } from '@verge/data';
import { decodeModel, encodeModel, float32, tensorInfo, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';

/** The scores that a last Softmax reads, which saturate nowhere; the output itself where there is none. */
function scoresOf({ graph }: Model): string {
  const output = graph.outputs[0]!.name;
  for (let at = output; ;) {
    const producer = graph.nodes.find((n) => n.outputs.includes(at));
    if (!producer || !['Identity', 'Softmax', 'QuantizeLinear', 'DequantizeLinear'].includes(producer.op))
      return output;
    at = producer.inputs[0]!;
    if (producer.op === 'Softmax') return at;
  }
}

/** A model's first output on every sample, one after the other; the scores before a Softmax where `scores` says so. */
export async function outputsOf(bytes: Uint8Array, samples: Samples, scores = false): Promise<Float32Array[]> {
  const model = decodeModel(bytes);
  const wanted = scores ? scoresOf(model) : model.graph.outputs[0]!.name;
  if (!model.graph.outputs.some(({ name }) => name === wanted))
    model.graph.outputs.push(tensorInfo(wanted, 'float32', null));
  const session = await createSession(encodeModel(model));
  const size = samples.shape.reduce((a, b) => a * b, 1);
  try {
    const all: Float32Array[] = [];
    for (let i = 0; i < samples.y.length; i++) {
      const x = float32([1, ...samples.shape], (samples.x as Float32Array).slice(i * size, (i + 1) * size));
      all.push((await session.run({ [session.inputNames[0]!]: x }, [wanted]))[wanted]!.data as Float32Array);
    }
    return all;
  } finally {
    await session.release();
  }
}

/** 10 log10 of the sum of squares over that of the differences. */
export function decibels(expected: readonly Float32Array[], given: readonly Float32Array[]): number {
  let [signal, noise] = [0, 0];
  for (const [s, one] of expected.entries())
    for (const [i, value] of one.entries()) {
      signal += value * value;
      noise += (value - given[s]![i]!) ** 2;
    }
  return 10 * Math.log10(signal / noise);
}

const largest = (values: Float32Array): number => values.reduce((best, v, i) => (v > values[best]! ? i : best), 0);

/** Share of the samples whose largest score has the same place, in per cent. */
export function agreement(expected: readonly Float32Array[], given: readonly Float32Array[]): number {
  const same = expected.filter((one, s) => largest(one) === largest(given[s]!)).length;
  return (100 * same) / expected.length;
}
