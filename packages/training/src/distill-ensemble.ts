/** Several teachers as one. */
import { int, type Graph, type Model, type Node, type StoredTensor } from '@verge/onnx';
import { refuse } from './errors.js';
import { logitsModel } from './export.js';
import { modernize } from './modernize.js';
import { OPSET } from './tape.js';

/** 'logits': their mean. 'probabilities': the logarithm of the mean of the softmax outputs. */
export type Combination = 'logits' | 'probabilities';

/** The name of a value of the `index`-th teacher in the ensemble. */
export const memberValue = (index: number, name: string): string => `teacher${index}.${name}`;

function inputOf(graph: Graph): Graph['inputs'][number] | undefined {
  const inputs = graph.inputs.filter((i) => !graph.initializers.has(i.name));
  return inputs.length === 1 ? inputs[0] : undefined;
}

function node(op: string, inputs: readonly string[], output: string, attributes: Node['attributes'] = new Map()): Node {
  return { op, domain: '', name: '', inputs: [...inputs], outputs: [output], attributes };
}

/** log(mean(exp(x_i))) of log-probabilities, the largest taken out so that nothing becomes 0. */
function logMean(parts: readonly string[], output: string): Node[] {
  const shifted = parts.map((_, i) => `ensemble.shifted.${i}`);
  const powers = parts.map((_, i) => `ensemble.power.${i}`);
  return [
    node('Max', parts, 'ensemble.largest'),
    ...parts.flatMap((p, i) => [
      node('Sub', [p, 'ensemble.largest'], shifted[i]!),
      node('Exp', [shifted[i]!], powers[i]!),
    ]),
    node('Mean', powers, 'ensemble.mean'),
    node('Log', ['ensemble.mean'], 'ensemble.log'),
    node('Add', ['ensemble.log', 'ensemble.largest'], output),
  ];
}

function combine(logits: readonly string[], how: Combination, output: string): Node[] {
  if (how === 'logits') return [node('Mean', logits, output)];
  const logs = logits.map((_, i) => `ensemble.member.${i}`);
  const axis = new Map([['axis', int(-1)]]);
  return [...logits.map((name, i) => node('LogSoftmax', [name], logs[i]!, axis)), ...logMean(logs, output)];
}

/**
 * One model of several: they read one input, and its output `ensemble` is their combined logits. Values of the teachers are
 * called `memberValue(index, name)`.
 * @throws TrainingError `bad-options` when there is no teacher, or one has several inputs
 */
export function ensembleModel(teachers: readonly Model[], how: Combination = 'logits'): Model {
  const graphs = teachers.map((teacher) => modernize(logitsModel(teacher)));
  const problems = graphs.flatMap((g, i) => (inputOf(g) ? [] : [`teacher ${i} does not have exactly one input`]));
  if (graphs.length === 0) problems.push('there is no teacher');
  refuse('bad-options', 'ensemble', problems);
  const input = inputOf(graphs[0]!)!;
  const initializers = new Map<string, StoredTensor>();
  const nodes: Node[] = [];
  const logits = graphs.map((graph, i) => {
    const own = inputOf(graph)!.name;
    const name = (value: string): string => (value === '' ? '' : value === own ? input.name : memberValue(i, value));
    for (const [key, stored] of graph.initializers) initializers.set(name(key), { ...stored, name: name(key) });
    nodes.push(...graph.nodes.map((n) => ({ ...n, inputs: n.inputs.map(name), outputs: n.outputs.map(name) })));
    return name(graph.outputs[0]!.name);
  });
  nodes.push(...combine(logits, how, 'ensemble'));
  const opsets = new Map([...teachers.flatMap((t) => [...t.opsets]), ['', OPSET] as const]);
  const graph: Graph = {
    name: 'ensemble',
    inputs: [input],
    outputs: [{ ...graphs[0]!.outputs[0]!, name: 'ensemble' }],
    nodes: nodes.map((n, i) => ({ ...n, name: `${n.op}.${i}` })),
    initializers,
    sparseInitializers: [],
    values: new Map(),
  };
  return { irVersion: 10, opsets, graph, functions: [], producerName: 'verge', metadata: new Map() };
}
