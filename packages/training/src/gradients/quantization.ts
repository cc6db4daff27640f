/**
 * Straight-through gradients of QuantizeLinear and DequantizeLinear: rounding counts as the identity within the range of
 * the integer type and as constant beyond it (arXiv 1308.3432). The gradient of the integers is taken as that of real
 * numbers. With both rows, the gradient by a learned scale is that of LSQ (arXiv 1902.08153).
 */
import { attrInt, type DataType, elementCount, type Node } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Shape, Tape } from '../tape.js';
import type { Row } from './row.js';
import { axisOf } from './shape-ops.js';

/** The lowest and highest level of each type. */
export const LEVELS: Readonly<Partial<Record<DataType, readonly [number, number]>>> = {
  int2: [-2, 1],
  uint2: [0, 3],
  int4: [-8, 7],
  uint4: [0, 15],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

/** How a scale or zero point lies over its tensor: one for all, one for each index of an axis, or one for each block of it. */
interface Spread {
  /** Shape that the parameter is reshaped to, to be broadcast to `blocks`. */
  readonly wide: Shape;
  /** Blocks lie apart in this shape, or the tensor's own shape without blocks. */
  readonly blocks: Shape;
  /** The tensor's axes after the last block was filled up. */
  readonly filled: Shape;
}

function spreadOf(node: Node, shape: Shape, parameter: Shape): Spread {
  const axis = axisOf(attrInt(node, 'axis', 1), shape.length);
  const size = attrInt(node, 'block_size', 0);
  if (size > 0) {
    const count = parameter[axis]!;
    const apart = (within: number): Shape => [...parameter.slice(0, axis + 1), within, ...parameter.slice(axis + 1)];
    return { wide: apart(1), blocks: apart(size), filled: shape.map((d, i) => (i === axis ? count * size : d)) };
  }
  const one = elementCount(parameter) === 1;
  const wide = shape.map((d, i) => (i === axis && !one ? d : 1));
  return { wide, blocks: shape, filled: shape };
}

/** The parameter at every element of a tensor of this shape (or broadcast to it). */
function over(t: Tape, node: Node, parameter: string, shape: Shape): string {
  const { wide, blocks, filled } = spreadOf(node, shape, t.shape(parameter));
  const placed = t.reshape(parameter, wide);
  if (blocks === shape) return placed;
  const repeated = t.reshape(t.expand(placed, blocks), filled);
  const axes = shape.map((_, i) => i);
  return t.slice(
    repeated,
    axes,
    axes.map(() => 0),
    shape,
    axes.map(() => 1),
  );
}

/** The sum of what each parameter was used for. */
function gathered(t: Tape, node: Node, value: string, parameter: Shape): string {
  const shape = t.shape(value);
  const { wide, blocks, filled } = spreadOf(node, shape, parameter);
  const missing = filled.map((d, i) => d - shape[i]!);
  const whole = t.pad(value, [...missing.map(() => 0), ...missing]);
  return t.reshape(t.sumTo(t.reshape(whole, blocks), wide), parameter);
}

/** x / scale + zero point before it is rounded, and where the rounded value lies within the type's range. */
function scaled(t: Tape, node: Node, like: DataType): { ratio: string; inside: string } {
  const [x, scale, zero] = node.inputs as [string, string, string?];
  const shape = t.shape(x);
  const ratio = t.div(x, over(t, node, scale, shape));
  const rounded = t.unary('Round', ratio);
  const level = zero ? t.add(rounded, over(t, node, t.indicator(zero), shape)) : rounded;
  const range = LEVELS[like];
  if (!range) throw new TrainingError('no-gradient', `node '${node.name}' (${node.op}): no gradient through ${like}`);
  const [low, high] = range;
  const above = t.compare('GreaterOrEqual', level, t.scalar(low));
  const inside = t.indicator(t.compare('And', above, t.compare('LessOrEqual', level, t.scalar(high))));
  return { ratio, inside };
}

/** QuantizeLinear-21, to integers. */
export const quantizeLinear: Row = {
  vjp: (t, n, dy) => {
    const [x, scale] = [n.inputs[0]!, n.inputs[1]!];
    const parts = scaled(t, n.node, t.types.get(n.outputs[0]!)!);
    const perScale = t.div(t.mul(dy, parts.inside), over(t, n.node, scale, t.shape(x)));
    return [
      () => perScale,
      () => gathered(t, n.node, t.unary('Neg', t.mul(perScale, parts.ratio)), t.shape(scale)),
      null,
    ];
  },
};

/** DequantizeLinear-21: (x - zero point) * scale. */
export const dequantizeLinear: Row = {
  vjp: (t, n, dy) => {
    const [x, scale, zero] = [n.inputs[0]!, n.inputs[1]!, n.inputs[2]];
    const shape = t.shape(x);
    return [
      () => t.mul(dy, over(t, n.node, scale, shape)),
      () => {
        // A Cast, so that the integers become numbers.
        const level = t.indicator(x);
        const moved = zero ? t.sub(level, over(t, n.node, t.indicator(zero), shape)) : level;
        return gathered(t, n.node, t.mul(dy, moved), t.shape(scale));
      },
      null,
    ];
  },
};
