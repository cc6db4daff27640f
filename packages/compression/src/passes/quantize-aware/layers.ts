/** Layers whose weights learn on levels, and how the channels of each weight lie. */
import { attrInt, type Model, type Node } from '@verge/onnx';
import { GraphIndex, nodeName } from '../../graph/index-of-values.js';
import type { PassResult } from '../pass.js';
import { PLACES, reasonAgainstStoring, STORED } from '../quantize-dynamic/stored.js';
import { keyOf } from '../quantize-static/form.js';
import type { QuantizationPlan } from '../quantize-static/plan.js';

/** A weight with its channels along one axis: `split`, then with its second and third axes changed, then `dims`. */
export interface View {
  /** Null where nothing is to be changed. */
  readonly split: readonly [number, number, number, number] | null;
  readonly dims: readonly number[];
  readonly axis: number;
}

export interface LearningWeight {
  /** What has the same one has the same scales. */
  readonly key: string;
  /** The constant, and which input of the node it is. */
  readonly weight: string;
  readonly place: number;
  readonly view: View;
}

export interface LearningLayer {
  readonly node: Node;
  readonly weights: readonly LearningWeight[];
  /** Whether the layer computes in float32, and its weights alone are stored in int8. */
  readonly stored: boolean;
}

/** Why recurrent layers compute in float32. */
const RECURRENT: Readonly<Record<string, string>> = {
  ...STORED,
  LSTM: 'an LSTM on integers finds ranges at each run, which no training sees (`quantize-dynamic` has it)',
};

export const isRecurrent = ({ op, domain }: Node): boolean => domain === '' && RECURRENT[op] !== undefined;

/** The weight of a transposed convolution, [inputs, outputs of a group, height, width], has all outputs along an axis with one group only. */
function viewOf(node: Node, dims: readonly number[], axis: number): View {
  const groups = node.op === 'ConvTranspose' ? attrInt(node, 'group', 1) : 1;
  if (groups === 1) return { split: null, dims, axis };
  const [inputs, outputs, ...kernel] = dims as [number, number, ...number[]];
  const own = inputs / groups;
  const taps = kernel.reduce((a, b) => a * b, 1);
  return { split: [groups, own, outputs, taps], dims: [groups * outputs, own, taps], axis: 0 };
}

/** Each row of a gate is a channel: [directions, rows, width] as [directions * rows, width]. */
function rowsOf([directions, rows, width]: readonly number[]): View {
  return { split: null, dims: [directions! * rows!, width!], axis: 0 };
}

/** What a weight's elements are in the order of its view. */
export function seen(data: Float32Array, { split }: View): Float32Array {
  if (!split) return data;
  const [groups, own, outputs, taps] = split;
  const out = new Float32Array(data.length);
  let at = 0;
  for (let g = 0; g < groups; g++)
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < own; i++) {
        const from = ((g * own + i) * outputs + o) * taps;
        out.set(data.subarray(from, from + taps), at);
        at += taps;
      }
  return out;
}

/**
 * The layers of a plan and, beside them, recurrent ones, in the order of the graph.
 * @returns `declined` has a line for each recurrent layer: why its weights stay floats, or why it computes in float32
 */
export function learningLayers(
  model: Model,
  plan: QuantizationPlan,
): { layers: LearningLayer[]; declined: PassResult['declined']; recurrent: ReadonlySet<Node> } {
  const index = new GraphIndex(model.graph);
  const units = new Map(plan.weighted.map((unit) => [unit.node, unit]));
  const declined: PassResult['declined'] = [];
  const recurrent = new Set<Node>();
  const layers = model.graph.nodes.flatMap((node): LearningLayer[] => {
    const unit = units.get(node);
    if (unit) {
      const view = viewOf(node, index.floats(unit.weight)!.dims, unit.axis);
      return [{ node, weights: [{ key: keyOf(unit), weight: unit.weight, place: 1, view }], stored: false }];
    }
    if (!isRecurrent(node)) return [];
    recurrent.add(node);
    const against = reasonAgainstStoring(node, index);
    const reason = against ?? `${RECURRENT[node.op]}: it computes in float32, with weights stored in int8`;
    declined.push({ node: nodeName(node), reason });
    if (against !== null) return [];
    const weights = PLACES.map((place): LearningWeight => {
      const weight = node.inputs[place] as string;
      return { key: keyOf({ weight, axis: 0 }), weight, place, view: rowsOf(index.floats(weight)!.dims) };
    });
    return [{ node, weights, stored: true }];
  });
  return { layers, declined, recurrent };
}
