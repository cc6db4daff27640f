/** y = scale[c] * x + shift[c], the form of every channel-wise step that folds into the layer in front. */
import { attrFloat, attrInt, float32, type Model, type Node } from '@verge/onnx';
import type { GraphIndex } from '../graph-index.js';

export interface Affine {
  scale: Float64Array;
  shift: Float64Array;
}

/** BatchNormalization-15 in inference: scale * (x - mean) / sqrt(var + epsilon) + B. */
export function affineOfBatchNorm(node: Node, index: GraphIndex): Affine | null {
  const [scale, bias, mean, variance] = node.inputs.slice(1).map((name) => index.floats(name)?.data);
  if (!scale || !bias || !mean || !variance) return null;
  const epsilon = attrFloat(node, 'epsilon', 1e-5);
  const gain = Float64Array.from(scale, (s, c) => s / Math.sqrt((variance[c] as number) + epsilon));
  return { scale: gain, shift: Float64Array.from(bias, (b, c) => b - (mean[c] as number) * (gain[c] as number)) };
}

/** Why a BatchNormalization is not a fixed affine step, or null when it is one. */
export function refuseBatchNorm(node: Node, index: GraphIndex): string | null {
  if (attrInt(node, 'training_mode', 0) !== 0) return 'the normalisation is in training mode';
  if (attrInt(node, 'spatial', 1) !== 1) return 'the normalisation is not spatial';
  if (node.outputs.slice(1).some((o) => o !== '')) return 'the normalisation has further outputs';
  return affineOfBatchNorm(node, index) ? null : 'its parameters are no float32 constants of the model';
}

/**
 * Multiplies a weight by scale[c] along the channel axis and gives bias' = scale * bias + shift, as new constants, so that
 * other readers of the old ones keep theirs. Products in double precision, rounded once.
 */
export function foldIntoLayer(layer: Node, axis: number, affine: Affine, index: GraphIndex, model: Model): void {
  const weight = index.floats(layer.inputs[1]) as { dims: readonly number[]; data: Float32Array };
  const bias = index.floats(layer.inputs[2])?.data;
  const inner = weight.dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const channels = affine.scale.length;
  // ConvTranspose lays output channels out by group: axis 1 counts the channels within one.
  const outer = weight.dims.slice(0, axis).reduce((a, b) => a * b, 1);
  const width = weight.dims[axis] as number;
  const groups = channels / width;
  const data = Float32Array.from(weight.data, (w, i) => {
    const o = Math.floor(i / (inner * width));
    const c = (Math.floor(i / inner) % width) + (groups > 1 ? Math.floor(o / (outer / groups)) * width : 0);
    return w * (affine.scale[c] as number);
  });
  const folded = Float32Array.from(affine.shift, (shift, c) => (bias?.[c] ?? 0) * (affine.scale[c] as number) + shift);
  layer.inputs[1] = constant(model, `${layer.inputs[1]}_folded`, float32(weight.dims, data));
  layer.inputs[2] = constant(
    model,
    layer.inputs[2] ? `${layer.inputs[2]}_folded` : `${layer.inputs[1]}_bias`,
    float32([channels], folded),
  );
}

function constant(model: Model, stem: string, value: ReturnType<typeof float32>): string {
  const { initializers, nodes } = model.graph;
  let name = stem;
  for (let n = 1; initializers.has(name) || nodes.some((node) => node.outputs.includes(name)); n++)
    name = `${stem}_${n}`;
  initializers.set(name, { name, value });
  return name;
}

/** Takes `gone` out of the graph; `kept`, which computes its input, now writes its output. */
export function absorb(kept: Node, gone: Node, model: Model): void {
  model.graph.values.delete(kept.outputs[0] as string);
  kept.outputs[0] = gone.outputs[0] as string;
  model.graph.nodes.splice(model.graph.nodes.indexOf(gone), 1);
}
