/** Inference models with trained values. */
import {
  attrInt,
  batchNormIntoConv,
  batchNormIntoGemm,
  elementCount,
  float32,
  lazyTensor,
  rewrite,
  type Model,
  type Node,
  type ValueInfo,
} from '@verge/onnx';
import { refuse } from './errors.js';

/** Elements of a constant, or what makes them. */
export type NewValue = Float32Array | (() => Float32Array);

/**
 * The forward model with new values for named constants: weights are initializers, BatchNormalization runs in inference
 * mode on the running statistics, dropout does nothing. Everything else is as it was, so equal values give equal bytes.
 * @param values float32 elements by initializer name, row-major; those that are made are made whenever the result's are read
 * @param hold 'copies' of the values, or the 'given' arrays, which must not change then
 * @throws TrainingError `bad-options` naming every unknown name and every wrong length
 */
export function exportInference(
  forward: Model,
  values: ReadonlyMap<string, NewValue>,
  hold: 'copies' | 'given' = 'copies',
): Model {
  const problems: string[] = [];
  const initializers = new Map(forward.graph.initializers);
  for (const [name, data] of values) {
    const stored = initializers.get(name);
    const dims = stored?.value.dims ?? [];
    if (!stored) problems.push(`there is no initializer '${name}'`);
    else if (typeof data === 'function')
      initializers.set(name, { ...stored, value: lazyTensor('float32', dims, data) });
    else if (elementCount(dims) !== data.length) {
      problems.push(`'${name}' is [${dims.join(', ')}], ${data.length} elements were given`);
    } else initializers.set(name, { ...stored, value: float32(dims, hold === 'given' ? data : data.slice()) });
  }
  refuse('bad-options', 'values do not fit the model', problems);
  return { ...forward, graph: { ...forward.graph, initializers } };
}

/** Operators that hand their first input on unchanged in inference; exporters leave them behind a Softmax. */
const transparent = new Set(['Identity', 'Dropout']);

/** Whether a Softmax runs over the last axis, which is what the losses undo; until opset 12 the default axis was 1. */
function overLastAxis(node: Node, opset: number, rank: number | undefined): boolean {
  const axis = attrInt(node, 'axis', opset < 13 ? 1 : -1);
  return axis === -1 || (rank !== undefined && axis === rank - 1);
}

/** The Softmax or LogSoftmax over the last axis that ends in an output, and the nodes behind it, from the last one. */
function softmaxAt(
  model: Model,
  output: ValueInfo,
): { readonly cut: readonly Node[]; readonly logits: string } | undefined {
  const { nodes } = model.graph;
  const makers = new Map(nodes.map((n) => [n.outputs[0]!, n]));
  const cut: Node[] = [];
  let node = makers.get(output.name);
  while (node && node.domain === '' && transparent.has(node.op)) {
    cut.push(node);
    node = makers.get(node.inputs[0]!);
  }
  if (!node || node.domain !== '' || (node.op !== 'Softmax' && node.op !== 'LogSoftmax')) return undefined;
  const rank = output.type?.kind === 'tensor' ? output.type.shape?.length : undefined;
  if (!overLastAxis(node, model.opsets.get('') ?? model.opsets.get('ai.onnx') ?? 0, rank)) return undefined;
  return { cut: [...cut, node], logits: node.inputs[0]! };
}

/** What the losses read where they are given an output: its logits where it ends in a Softmax, else the output itself. */
export function logitsOf(model: Model, output: string): string {
  const info = model.graph.outputs.find((o) => o.name === output);
  return (info && softmaxAt(model, info)?.logits) ?? output;
}

/**
 * The model with logits as its output: a Softmax or LogSoftmax over the last axis that ends it is cut off, with the Identity
 * nodes behind it, since the losses apply their own. A model that ends otherwise is returned as it is.
 */
export function logitsModel(model: Model): Model {
  const { nodes, outputs } = model.graph;
  const output = outputs[0];
  const end = output && softmaxAt(model, output);
  if (!end) return model;
  // What something else still reads stays; the chain is walked from its end, so later nodes have gone by then.
  const rest = outputs.slice(1);
  let kept = nodes;
  for (const n of end.cut) {
    const read = kept.some((k) => k !== n && k.inputs.some((i) => n.outputs.includes(i)));
    if (!read && !rest.some((o) => n.outputs.includes(o.name))) kept = kept.filter((k) => k !== n);
  }
  const logits = { ...output, name: end.logits };
  return { ...model, graph: { ...model.graph, outputs: [logits, ...rest], nodes: kept } };
}

/**
 * The inference model with each BatchNormalization folded into the convolution or matrix product before it, where there is
 * one: fewer nodes, the same function up to rounding. It can be trained further, but no longer normalises.
 */
export function foldNormalization(model: Model): Model {
  return rewrite(model, [batchNormIntoConv, batchNormIntoGemm]).model;
}
