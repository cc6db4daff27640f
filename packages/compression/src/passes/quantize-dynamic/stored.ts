/**
 * Recurrent layers whose weights alone are int8: ONNX Runtime turns them into floats when it loads the model, at no time per inference.
 * DequantizeLinear would say the same, and be computed at each.
 */
import { int, type GraphBuilder, type Node, type Tensor } from '@verge/onnx';
import type { GraphIndex } from '../../graph/index-of-values.js';
import { quantizeWeight, type QuantizedWeight } from '../quantize-static/scale.js';

/** FLOAT in TensorProto.DataType (onnx.proto). */
const FLOAT = 1;
/** Nodes, names and scales of a weight take about this many bytes: a smaller saving is none. */
const NODES_COST = 256;

/** Recurrent layers without an operator on integers, whose weights alone are int8. */
export const STORED: Readonly<Record<string, string>> = {
  GRU: 'ONNX Runtime has no GRU on integers',
  RNN: 'ONNX Runtime has no RNN on integers',
};

/** Input and recurrent weights: [directions, gates * hidden, width]. */
export const PLACES = [1, 2] as const;

/** Why weights cannot be stored so, or null. */
export function reasonAgainstStoring(node: Node, index: GraphIndex): string | null {
  const weights = PLACES.map((place) => index.floats(node.inputs[place]));
  if (weights.includes(null)) return 'its weights are no float32 constants of the model';
  const saved = weights.reduce((sum, weight) => {
    const rows = weight!.dims[0]! * weight!.dims[1]!;
    return sum + 3 * weight!.data.length - 4 * rows - NODES_COST;
  }, 0);
  return saved > 0 ? null : 'its weights would take no less in int8';
}

const reachingAll = (_: string, data: Float32Array, dims: readonly [number, number]): QuantizedWeight =>
  quantizeWeight(data, dims, 0, { narrow: false });

/**
 * Each row of a gate has a scale of its own.
 * @param known values that were made of weights before
 * @param integers of a weight [rows of all directions, width], along axis 0; those that reach its largest unless told otherwise
 * @returns what makes floats of the weights, and the layer
 */
export function withStoredWeights(
  node: Node,
  index: GraphIndex,
  builder: GraphBuilder,
  known: Map<string, string>,
  integers: (weight: string, data: Float32Array, dims: readonly [number, number]) => QuantizedWeight = reachingAll,
): Node[] {
  const made: Node[] = [];
  const add = (op: string, inputs: string[], attributes: Node['attributes'] = new Map()): string => {
    const output = builder.fresh('w');
    made.push({ op, domain: '', name: '', inputs, outputs: [output], attributes });
    return output;
  };
  const floats = (weight: string): string => {
    const { dims, data } = index.floats(weight)!;
    const [directions, rows, width] = dims as [number, number, number];
    const { data: int8, scales } = integers(weight, data, [directions * rows, width]);
    const stored: Tensor = { dtype: 'int8', dims, data: int8 };
    const scale: Tensor = { dtype: 'float32', dims: [directions, rows, 1], data: scales };
    const cast = add('Cast', [builder.constant(stored, 'w')], new Map([['to', int(FLOAT)]]));
    return add('Mul', [cast, builder.constant(scale, 'scale')]);
  };
  const inputs = [...node.inputs];
  for (const place of PLACES) {
    const weight = inputs[place] as string;
    const value = known.get(weight) ?? floats(weight);
    known.set(weight, value);
    inputs[place] = value;
  }
  return [...made, { ...node, inputs }];
}
