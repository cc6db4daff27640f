/** Samples in memory as what a network reads. */
import type { Samples } from '@verge/data';
import { elementCount, type Model, type Tensor } from '@verge/onnx';
import { inputTensor } from './loop/feeds.js';
import { castInput, inputTypesOf } from './loop/prepare.js';
import { bindPorts, mainInput, type PortOptions } from './transfer/ports.js';

/**
 * The model with its inputs bound to samples: one input for their x, one for each of their further inputs; those of one number are
 * nodes. All outputs stay. A model of one input of which nothing is said is given back as it is.
 * @throws TrainingError `bad-options` naming every port that does not fit
 */
export function boundToSamples(model: Model, { shape, inputs = {} }: Samples, ports: PortOptions = {}): Model {
  const others = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.shape]));
  const nothing = Object.keys(others).length === 0 && Object.values(ports).every((value) => value === undefined);
  if (nothing) return model;
  return bindPorts(
    model,
    { shape, inputs: others },
    ports,
    model.graph.outputs.map((o) => o.name),
  );
}

/**
 * Some samples as feeds of a bound model, in the types of its inputs.
 * @param from the first sample
 * @param rows how many
 */
export function sampleFeeds(model: Model, samples: Samples, from: number, rows: number): Record<string, Tensor> {
  const { x, shape, inputs = {} } = samples;
  const types = inputTypesOf(model);
  const part = (name: string, values: Samples['x'], own: readonly number[]): [string, Tensor] => {
    const size = elementCount(own);
    const rowsOf = values.subarray(from * size, (from + rows) * size);
    return [name, inputTensor(castInput(rowsOf, types[name] ?? 'float32'), [rows, ...own])];
  };
  const main = mainInput(model.graph, inputs);
  return Object.fromEntries([
    ...(main ? [part(main.name, x, shape)] : []),
    ...Object.entries(inputs)
      .filter(([name]) => types[name] !== undefined)
      .map(([name, input]) => part(name, input.values, input.shape)),
  ]);
}
