/** Nodes that are written as others, which have a kernel on integers; see `form.ts` for their weights. */
import { attrFloat, float32, int, ints, str, type Node } from '@verge/onnx';
import type { Form } from './form.js';
import { zeroPointOf, type Pen } from './pen.js';
import { levelsOf, type AffineParams } from './scale.js';

type Blocks = NonNullable<Form['blocks']>;

/** What stands in front of a node that was changed in place, and behind it. */
export interface Beside {
  readonly ahead: readonly Node[];
  readonly behind: readonly Node[];
}

/**
 * What sets the places of blocks apart behind the convolution that a transposed one became: with channels last, as convolutions on integers
 * run, where the sizes are known, and else DepthToSpace.
 * @param params of the output
 */
export function placesApart(pen: Pen, node: Node, params: AffineParams, { length, from }: Blocks): Beside {
  const [output] = node.outputs as [string];
  const [plain, small] = [pen.fresh('y'), pen.fresh('x')];
  node.outputs = [plain];
  const behind: Node[] = pen.pair(plain, params, small).nodes;
  if (!from) {
    const apart = pen.node('DepthToSpace', [small], output, { blocksize: int(length), mode: str('CRD') });
    return { ahead: [], behind: [...behind, apart] };
  }
  const [height, width] = from;
  const last = pen.move(behind, params, 'Transpose', [small], { perm: ints([0, 2, 3, 1]) });
  const places = pen.move(behind, params, 'Reshape', [last, pen.shape(0, height, width, length, length, -1)]);
  const rows = pen.move(behind, params, 'Transpose', [places], { perm: ints([0, 1, 3, 2, 4, 5]) });
  const whole = pen.shape(0, height * length, width * length, -1);
  const together = pen.move(behind, params, 'Reshape', [rows, whole]);
  behind.push(pen.node('Transpose', [together], output, { perm: ints([0, 3, 1, 2]) }));
  return { ahead: [], behind };
}

/**
 * A convolution over single places as a product, which gives floats: channels last in front of it, and second behind, where its bias is
 * added.
 * @param rank of the input
 * @param params of the input
 */
export function asProduct(pen: Pen, node: Node, rank: number, params: AffineParams, bias: Float32Array | null): Beside {
  const [input, weight] = node.inputs as [string, string];
  const [output] = node.outputs as [string];
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const [turned, x, product] = [pen.fresh('t'), pen.fresh('x'), pen.fresh('y')];
  const ahead = pen.node('Transpose', [input], turned, { perm: ints([0, ...spatial, 1]) });
  const sum = bias ? pen.fresh('y') : output;
  const behind = [pen.node('Transpose', [product], sum, { perm: ints([0, rank - 1, ...spatial.map((a) => a - 1)]) })];
  if (bias) {
    const shift = pen.stored(float32([bias.length, ...spatial.map(() => 1)], bias), 'b');
    behind.push(pen.node('Add', [sum, shift], output));
  }
  [node.inputs, node.outputs] = [[x, weight], [product]];
  return { ahead: [ahead, ...pen.pair(turned, params, x).nodes], behind };
}

/**
 * HardSigmoid as a sum: its integers with alpha times their scale, and beta. The quantization behind cuts it off at 0 and at the largest
 * value that was seen, which is no more than 1.
 * @param integers of the input
 * @param params of the input
 */
export function asSum(pen: Pen, node: Node, integers: string, params: AffineParams): Beside {
  const { high } = levelsOf(params.kind);
  const [x, shift] = [pen.fresh('x'), pen.fresh('b')];
  const zero = (zeroPoint: number): string => pen.constant(zeroPointOf({ ...params, zeroPoint }), 'zero');
  const alpha = pen.scalar(attrFloat(node, 'alpha', 0.2) * params.scale);
  const beta = pen.scalar(attrFloat(node, 'beta', 0.5) / high);
  [node.op, node.attributes, node.inputs] = ['Add', new Map(), [x, shift]];
  return {
    ahead: [
      pen.node('DequantizeLinear', [integers, alpha, zero(params.zeroPoint)], x),
      pen.node('DequantizeLinear', [zero(high), beta, zero(0)], shift),
    ],
    behind: [],
  };
}
