/** Resize by repeating values, by whole factors: on integers Expand with channels last takes a third of the time that Resize takes. */
import { attrString, ints, type Model, type Node } from '@verge/onnx';
import type { GraphIndex } from '../../graph/index-of-values.js';
import type { Pen } from './pen.js';
import type { AffineParams } from './scale.js';
import { shapeIn } from './shapes.js';
import type { Beside } from './spellings.js';

export interface Repeats {
  readonly channels: number;
  /** Height and width of the input. */
  readonly from: readonly [number, number];
  /** How many times each row and column stands. */
  readonly times: readonly [number, number];
}

/** Where output i of a whole factor f reads input floor(i / f) (Resize, operator set 13). */
const REPEATING = new Set(['asymmetric floor', 'half_pixel round_prefer_floor', 'half_pixel round_prefer_ceil']);

/** How a nearest Resize of [samples, channels, height, width] repeats rows and columns; null where it does something else, or sizes are open. */
export function repeatsOf(node: Node, model: Model, index: GraphIndex): Repeats | null {
  const place = attrString(node, 'coordinate_transformation_mode', 'half_pixel');
  const rounding = attrString(node, 'nearest_mode', 'round_prefer_floor');
  if (node.op !== 'Resize' || !REPEATING.has(`${place} ${rounding}`)) return null;
  if (['axes', 'antialias', 'keep_aspect_ratio_policy'].some((name) => node.attributes.has(name))) return null;
  const [input = '', , scales, sizes] = node.inputs;
  const shape = shapeIn(model, input);
  const [samples, channels, height, width] = shape.map(Number);
  if (shape.length !== 4 || !channels || !height || !width) return null;
  const given = index.constant(sizes) ?? index.constant(scales);
  if (given?.dims.join() !== '4' || !('data' in given)) return null;
  const whole = sizes ? [samples!, channels, height, width] : [1, 1, 1, 1];
  const factors = Array.from(given.data as ArrayLike<number | bigint>, (value, axis) => Number(value) / whole[axis]!);
  const [ofSamples, ofChannels, down, across] = factors as [number, number, number, number];
  if (ofSamples !== 1 || ofChannels !== 1 || [down, across].some((f) => !Number.isInteger(f) || f < 1)) return null;
  return { channels, from: [height, width], times: [down, across] };
}

/** @param params of the input, which are the output's */
export function asRepeats(pen: Pen, node: Node, params: AffineParams, { channels, from, times }: Repeats): Beside {
  const [height, width] = from;
  const ahead: Node[] = [];
  const last = pen.move(ahead, params, 'Transpose', [node.inputs[0] as string], { perm: ints([0, 2, 3, 1]) });
  const apart = pen.move(ahead, params, 'Reshape', [last, pen.shape(0, height, 1, width, 1, channels)]);
  const many = pen.move(ahead, params, 'Expand', [apart, pen.shape(1, 1, times[0], 1, times[1], 1)], {}, node.name);
  const whole = pen.shape(0, height * times[0], width * times[1], channels);
  const together = pen.move(ahead, params, 'Reshape', [many, whole]);
  const { outputs } = node;
  Object.assign(node, pen.node('Transpose', [together], outputs[0] as string, { perm: ints([0, 3, 1, 2]) }));
  return { ahead, behind: [] };
}
