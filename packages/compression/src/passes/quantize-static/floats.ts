/** What of a network stays in float32 beside its integers: a line for each node that computes, with the reason. */
import { type Model, type Node, provenTypes } from '@verge/onnx';
import { GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { operatorsInside } from '../branches.js';
import type { PassResult } from '../pass.js';
import { dataOf, isWay, wayOf } from './operators.js';
import { behindActivation, integerNodes, LAYERS, type QuantizationPlan } from './plan.js';

const PAIRS = new Set(['QuantizeLinear', 'DequantizeLinear']);
/** They hand on what they get. */
const PASSING = new Set(['Identity', 'Dropout', 'Constant', 'ConstantOfShape', 'Cast']);

/**
 * @param model the plan's
 * @param apart nodes of which is told elsewhere
 * @returns what the plan declined, and every other node that computes on float32 and is neither one of the plan's nor an activation
 *   that its integers take in; what only moves values in float32 computes nothing and is left out
 */
export function floatsBeside(
  model: Model,
  plan: QuantizationPlan,
  apart: ReadonlySet<Node> = new Set(),
): PassResult['declined'] {
  const index = new GraphIndex(model.graph);
  const types = provenTypes(model);
  const integer = integerNodes(plan);
  const told = new Set(plan.declined.map(({ node }) => node));
  const isFloat = (value: string): boolean => {
    const type = types.get(value);
    return type?.kind === 'tensor' && (type.dtype === null || type.dtype === 'float32');
  };
  /** Whether a Relu or Clip is one with the integers in front of it. */
  const isTakenIn = ({ inputs: [before = ''], outputs: [output = ''] }: Node): boolean => {
    const source = index.producers.get(before);
    if (!source || !integer.has(source) || !plan.activations.has(output)) return false;
    return behindActivation(before, index) === output;
  };
  const reasonFor = (node: Node): string | null => {
    const way = wayOf(node);
    if (!isWay(way)) return way;
    if (way === 'moves' || isTakenIn(node)) return null;
    const data = dataOf(node, way).filter((value) => index.constant(value) === null);
    const float = data.find((value) => !integer.has(index.producers.get(value) as Node));
    return data.length === 0 ? null : `'${float ?? data[0]}', which it reads, is computed in float32`;
  };
  const rest = model.graph.nodes.flatMap((node) => {
    if (integer.has(node) || apart.has(node) || told.has(nodeName(node)) || PAIRS.has(node.op) || PASSING.has(node.op))
      return [];
    if (!node.outputs.some((output) => output !== '' && isFloat(output))) return [];
    const reason = reasonFor(node);
    return reason === null ? [] : [{ node: nodeName(node), reason }];
  });
  return [...plan.declined, ...rest, ...operatorsInside(model, LAYERS)];
}
