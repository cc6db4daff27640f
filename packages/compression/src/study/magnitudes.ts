/** The largest magnitude that values take on samples, found by the runtime: only that leaves a run. */
import { openModel, GraphBuilder, int, tensorInfo, type Model } from '@verge/onnx';
import { cloneModel } from '../graph/index-of-values.js';
import type { StudyOptions } from './calibrate.js';
import type { Feeds } from './feeds.js';
import { stream } from './stream.js';

/**
 * @param model bound to the samples
 * @param names float32 values
 * @returns by name; NaN where a value is not a number, Infinity where it is not finite
 * @throws CompressionError `bad-samples`, `cancelled`
 */
export async function studyMagnitudes(
  model: Model,
  names: readonly string[],
  feeds: Feeds,
  options: StudyOptions,
): Promise<Map<string, number>> {
  const copy = cloneModel(model);
  const builder = new GraphBuilder(copy.graph);
  const asked = names.map((name) => {
    const size = builder.node('Abs', [name]);
    return { name, largest: builder.node('ReduceMax', [size], { keepdims: int(0) }) };
  });
  for (const { largest } of asked) copy.graph.outputs.push(tensorInfo(largest, 'float32', []));
  const session = await openModel(options.createSession, copy, { optimization: 'extended' });
  const magnitudes = new Map<string, number>(names.map((name) => [name, 0]));
  const fetched = asked.map(({ largest }) => largest);
  try {
    await stream(
      session,
      feeds,
      fetched,
      (values) => {
        for (const { name, largest } of asked)
          magnitudes.set(name, Math.max(magnitudes.get(name) as number, Number(values[largest]!.data[0])));
      },
      options,
      4,
    );
    return magnitudes;
  } finally {
    await session.release();
  }
}
