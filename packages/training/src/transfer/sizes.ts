/** Open sizes of a model's input, which are those of the samples: a step has static shapes, and a file need not. */
import type { Graph, Model, ValueInfo } from '@verge/onnx';

const inputsOf = ({ inputs, initializers }: Graph): ValueInfo[] => inputs.filter((i) => !initializers.has(i.name));

/**
 * The model with the sizes of one sample at its only input; the batch stays open, and sizes that the file states stay as
 * they are, right or wrong.
 * @param sample shape of one sample
 * @returns the very model where nothing is open, or where the number of axes does not fit
 */
export function withSampleSizes(model: Model, sample: readonly number[]): Model {
  const { graph } = model;
  const [input, another] = inputsOf(graph);
  if (!input || another || input.type?.kind !== 'tensor') return model;
  const declared = input.type.shape ?? ['batch', ...sample.map(() => null)];
  if (declared.length !== sample.length + 1) return model;
  if (input.type.shape && declared.slice(1).every((d) => typeof d === 'number')) return model;
  const shape = declared.map((d, i) => (i === 0 || typeof d === 'number' ? d : sample[i - 1]!));
  const bound: ValueInfo = { ...input, type: { ...input.type, shape } };
  return { ...model, graph: { ...graph, inputs: graph.inputs.map((i) => (i === input ? bound : i)) } };
}

/** The model with the inputs declared as `given` declares them. */
export function withDeclaredInputs(model: Model, given: Model): Model {
  const declared = new Map(given.graph.inputs.map((i) => [i.name, i]));
  return { ...model, graph: { ...model.graph, inputs: model.graph.inputs.map((i) => declared.get(i.name) ?? i) } };
}
