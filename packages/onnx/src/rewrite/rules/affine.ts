/** y = scale[c] * x + shift[c], the form of every channel-wise step that folds into the layer in front. */
import { attrFloat, attrInt } from '../../attributes.js';
import type { GraphBuilder } from '../../builder.js';
import type { Node } from '../../ir.js';
import { float32 } from '../../tensor.js';
import type { Match } from '../pattern.js';
import type { GraphView } from '../view.js';

export interface Affine {
  scale: Float64Array;
  shift: Float64Array;
}

interface Floats {
  dims: readonly number[];
  data: Float32Array;
}

/** A float32 constant of the model, or null. */
export function floats(view: GraphView, name: string | undefined): Floats | null {
  const tensor = name ? view.constant(name) : null;
  return tensor?.dtype === 'float32' ? tensor : null;
}

/** BatchNormalization-15 in inference: scale * (x - mean) / sqrt(var + epsilon) + B. */
export function affineOfBatchNorm(node: Node, view: GraphView): Affine | null {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map((name) => floats(view, name)?.data);
  if (!scale || !bias || !mean || !variance) return null;
  const epsilon = attrFloat(node, 'epsilon', 1e-5);
  const gain = Float64Array.from(scale, (s, c) => s / Math.sqrt((variance[c] as number) + epsilon));
  return { scale: gain, shift: Float64Array.from(bias, (b, c) => b - (mean[c] as number) * (gain[c] as number)) };
}

/** Why a BatchNormalization is not a fixed affine step over so many channels, or null when it is one. */
export function refuseBatchNorm(node: Node, channels: number, view: GraphView): string | null {
  if (attrInt(node, 'training_mode', 0) !== 0) return 'the normalisation is in training mode';
  if (attrInt(node, 'spatial', 1) !== 1) return 'the normalisation is not spatial';
  if (node.outputs.slice(1).some((o) => o !== '')) return 'the normalisation has further outputs';
  const affine = affineOfBatchNorm(node, view);
  if (!affine) return 'its parameters are no float32 constants of the model';
  return affine.scale.length === channels ? null : 'the normalisation has another number of channels';
}

/** Why a layer cannot take a step behind it into weight and bias, or null when it can. */
export function refuseLayer(layer: Node, as: string, match: Match): string | null {
  if (!match.isPrivate(as)) return `the result of the ${layer.op} is read elsewhere`;
  if (!floats(match.view, layer.inputs[1])) return 'the weight is no float32 constant of the model';
  return layer.inputs[2] && !floats(match.view, layer.inputs[2])
    ? 'the bias is no float32 constant of the model'
    : null;
}

/** The fixed step behind a layer, where a BatchNormalization alone reads it; null otherwise. */
function stepBehind(layer: Node, view: GraphView): Affine | null {
  const value = layer.outputs[0] as string;
  const [norm, ...others] = view.users(value);
  const alone = norm?.op === 'BatchNormalization' && others.length === 0 && !view.isOutput(value);
  return alone ? affineOfBatchNorm(norm, view) : null;
}

const equal = (a: Float64Array, b: Float64Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

const changesNothing = ({ scale }: Affine): boolean => scale.every((s) => s === 1);

/**
 * Why a layer's weight cannot be scaled: others read it too, and it would be there twice. Where a step with the same scale is behind each of
 * them, all of them fold, into equal constants.
 */
export function refuseShared(layer: Node, affine: Affine, view: GraphView): string | null {
  if (changesNothing(affine)) return null;
  const weight = layer.inputs[1] as string;
  const unlike = view.users(weight).find((other) => {
    if (other === layer) return false;
    const step = other.op === layer.op && other.inputs[0] !== weight ? stepBehind(other, view) : null;
    return !step || !equal(step.scale, affine.scale);
  });
  return unlike ? `its weight is also that of '${unlike.name || unlike.outputs[0]}', and would be there twice` : null;
}

/**
 * The layer with weight * scale[c] along the channel axis and bias' = scale * bias + shift, as new constants. Products in
 * double precision, rounded once.
 * @param groups for ConvTranspose, whose axis 1 counts the channels within a group
 */
export function foldIntoLayer(
  layer: Node,
  axis: number,
  groups: number,
  affine: Affine,
  view: GraphView,
  builder: GraphBuilder,
): string {
  const weight = floats(view, layer.inputs[1]) as Floats;
  const bias = floats(view, layer.inputs[2])?.data;
  const inner = weight.dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = weight.dims.slice(0, axis).reduce((a, b) => a * b, 1);
  const width = weight.dims[axis] as number;
  const data = new Float32Array(weight.data.length);
  for (let o = 0, i = 0; o < outer; o++) {
    const first = groups > 1 ? Math.floor(o / (outer / groups)) * width : 0;
    for (let c = first; c < first + width; c++) {
      const scale = affine.scale[c] as number;
      for (const end = i + inner; i < end; i++) data[i] = weight.data[i]! * scale;
    }
  }
  const folded = Float32Array.from(affine.shift, (shift, c) => (bias?.[c] ?? 0) * (affine.scale[c] as number) + shift);
  const inputs = [
    layer.inputs[0] as string,
    changesNothing(affine)
      ? (layer.inputs[1] as string)
      : builder.constant(float32(weight.dims, data), `${layer.inputs[1]}_folded`),
    builder.constant(float32([folded.length], folded), `${layer.inputs[2] || layer.inputs[1]}_folded_bias`),
  ];
  return builder.node(layer.op, inputs, Object.fromEntries(layer.attributes), 1, { name: layer.name });
}
