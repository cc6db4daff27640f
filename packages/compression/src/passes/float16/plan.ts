/** Which nodes compute in halves, and why the others do not. */
import { opsetVersion, provenTypes, subgraphs, type Model, type Node } from '@verge/onnx';
import { GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { allVanish, largestFinite, TOO_LARGE } from './halves.js';
import { carriesDigits, floatInput, floatOutput, readsEither, takesHalves } from './operators.js';

export interface HalfPlan {
  readonly index: GraphIndex;
  /** Nodes that compute in halves. */
  readonly nodes: ReadonlySet<Node>;
  /** Whether a value is of type float32 in the source. */
  isFloat(value: string): boolean;
  /** The places of a node's inputs and outputs that become halves with it. */
  places(node: Node): { inputs: number[]; outputs: number[] };
  readonly declined: { node: string; reason: string }[];
}

/**
 * Values of a few samples may not reach what values of others do: on them half of float16's largest number is enough.
 */
const HEADROOM = 2;

/** Nodes whose numbers reach an angle, or a whole number, through arithmetic alone. */
function exactNodes(model: Model, index: GraphIndex, dtype: (value: string) => string | null): Set<Node> {
  const found = new Set<Node>();
  const follow = (value: string): void => {
    const producer = index.producers.get(value);
    if (!producer || found.has(producer) || !carriesDigits(producer)) return;
    found.add(producer);
    producer.inputs.forEach(follow);
  };
  for (const node of model.graph.nodes) {
    const toWhole = node.op === 'Cast' && /^u?int/.test(dtype(node.outputs[0] as string) ?? '');
    if (node.op === 'Sin' || node.op === 'Cos' || toWhole) follow(node.inputs[0] as string);
  }
  return found;
}

/** Why a node's constants keep it in float32, or null. */
function badConstant(index: GraphIndex, values: readonly string[]): string | null {
  for (const value of values) {
    const tensor = index.floats(value);
    if (!tensor) continue;
    const largest = largestFinite(tensor.data);
    if (largest >= TOO_LARGE) return `'${value}' reaches ${largest.toPrecision(3)}, float16 ends at 65,504`;
    if (allVanish(tensor.data)) return `'${value}' is too small for float16`;
  }
  return null;
}

function badValue(magnitudes: ReadonlyMap<string, number>, values: readonly string[]): string | null {
  for (const value of values) {
    const size = magnitudes.get(value);
    if (size !== undefined && !(size * HEADROOM < TOO_LARGE))
      return `'${value}' reaches ${size.toPrecision(3)} on the samples, float16 ends at 65,504`;
  }
  return null;
}

/** @param model with its constants as initializers */
export function halfCandidates(model: Model, keep: ReadonlySet<string>): HalfPlan {
  const index = new GraphIndex(model.graph);
  const types = provenTypes(model);
  const opset = opsetVersion(model) ?? 0;
  const dtype = (value: string): string | null => {
    const type = types.get(value);
    return type?.kind === 'tensor' ? type.dtype : null;
  };
  const isFloat = (value: string): boolean => value !== '' && dtype(value) === 'float32';
  const places = (node: Node): { inputs: number[]; outputs: number[] } => ({
    inputs: node.inputs.flatMap((v, i) => (isFloat(v) && !floatInput(node, i, opset) ? [i] : [])),
    outputs: node.outputs.flatMap((v, i) => (isFloat(v) && !floatOutput(node, i) ? [i] : [])),
  });
  const exact = exactNodes(model, index, dtype);
  const reasonAgainst = (node: Node): string | null => {
    if (keep.has(nodeName(node))) return 'the recipe keeps it';
    if (subgraphs(node).length > 0) return 'what stands in branches and loops stays in float32';
    if (!takesHalves(node)) return `${node.op} is computed in float32`;
    if (exact.has(node)) return 'its numbers become angles or whole numbers, which need more digits than float16 has';
    if (node.outputs.some((o) => o !== '' && dtype(o) === null)) return 'the type of what it gives is not known';
    return badConstant(index, node.inputs);
  };
  const declined: HalfPlan['declined'] = [];
  const nodes = new Set<Node>();
  for (const node of model.graph.nodes) {
    const { inputs, outputs } = places(node);
    if (inputs.length + outputs.length === 0 || readsEither(node)) continue;
    const reason = reasonAgainst(node);
    if (reason === null) nodes.add(node);
    // A Cast says which type it makes: it stays what it is.
    else if (node.op !== 'Cast') declined.push({ node: nodeName(node), reason });
  }
  return { index, nodes, isFloat, places, declined };
}

/** The plan without the nodes whose values float16 cannot hold. */
export function withinRange(plan: HalfPlan, magnitudes: ReadonlyMap<string, number>): HalfPlan {
  const nodes = new Set<Node>();
  const declined = [...plan.declined];
  for (const node of plan.nodes) {
    const { inputs, outputs } = plan.places(node);
    const reason = badValue(magnitudes, [
      ...inputs.map((i) => node.inputs[i] as string),
      ...outputs.map((i) => node.outputs[i] as string),
    ]);
    if (reason === null) nodes.add(node);
    else declined.push({ node: nodeName(node), reason });
  }
  return { ...plan, nodes, declined };
}
