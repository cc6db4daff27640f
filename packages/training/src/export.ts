/** Inference models with trained values. */
import { elementCount, float32, type Model } from '@verge/onnx';
import { refuse } from './errors.js';

/**
 * The forward model with new values for named constants: weights are initializers, BatchNormalization runs in inference
 * mode on the running statistics, dropout does nothing. Everything else is as it was, so equal values give equal bytes.
 * @param values float32 elements by initializer name, row-major
 * @throws TrainingError `bad-options` naming every unknown name and every wrong length
 */
export function exportInference(forward: Model, values: ReadonlyMap<string, Float32Array>): Model {
  const problems: string[] = [];
  const initializers = new Map(forward.graph.initializers);
  for (const [name, data] of values) {
    const stored = initializers.get(name);
    const dims = stored?.value.dims ?? [];
    if (!stored) problems.push(`there is no initializer '${name}'`);
    else if (elementCount(dims) !== data.length) {
      problems.push(`'${name}' is [${dims.join(', ')}], ${data.length} elements were given`);
    } else initializers.set(name, { ...stored, value: float32(dims, data.slice()) });
  }
  refuse('bad-options', 'values do not fit the model', problems);
  return { ...forward, graph: { ...forward.graph, initializers } };
}

/**
 * The model with logits as its output: a Softmax or LogSoftmax that ends it is cut off, since the losses apply their own.
 * A model that ends otherwise is returned as it is.
 */
export function logitsModel(model: Model): Model {
  const output = model.graph.outputs[0];
  const last = model.graph.nodes.find((n) => n.outputs[0] === output?.name);
  if (!output || !last || last.domain !== '' || (last.op !== 'Softmax' && last.op !== 'LogSoftmax')) return model;
  const logits = { ...output, name: last.inputs[0]! };
  const outputs = [logits, ...model.graph.outputs.slice(1)];
  return { ...model, graph: { ...model.graph, outputs, nodes: model.graph.nodes.filter((n) => n !== last) } };
}
