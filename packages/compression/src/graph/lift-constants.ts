/** Constants in one form: exporters put weights into the model's initializers or into Constant nodes. */
import type { Model } from '@verge/onnx';
import { cloneModel } from './index-of-values.js';

/**
 * The model with the tensors of its Constant nodes as initializers; those of numbers and strings without a tensor, and those that
 * are an output of the model, stay nodes.
 */
export function liftConstants(model: Model): { model: Model; lifted: number } {
  const outputs = new Set(model.graph.outputs.map((o) => o.name));
  const copy = cloneModel(model);
  const { initializers } = copy.graph;
  copy.graph.nodes = copy.graph.nodes.filter((node) => {
    const [output] = node.outputs;
    const attribute = node.op === 'Constant' && node.domain === '' ? node.attributes.get('value') : undefined;
    if (attribute?.kind !== 'tensor' || output === undefined || outputs.has(output)) return true;
    initializers.set(output, { ...attribute.value, name: output });
    return false;
  });
  const lifted = model.graph.nodes.length - copy.graph.nodes.length;
  return { model: lifted > 0 ? copy : model, lifted };
}
