/** MatMulNBits of domain com.microsoft: a product whose weight is packed in blocks of a few bits, each with a scale. */
import { attrInt, float32, type Node, type Tensor } from '@verge/onnx';
import type { Tape } from '../tape.js';
import { given, publish } from './fused-products.js';
import type { Composite } from './row.js';

const constantOf = (t: Tape, name: string | undefined): Tensor | undefined => {
  const value = name === undefined ? undefined : t.initializers.get(name)?.value;
  return value && 'data' in value ? value : undefined;
};

/** Number `index` of `bits` each in bytes, low bits first. */
const unpacked = (bytes: ArrayLike<number>, index: number, bits: number): number => {
  const each = 8 / bits;
  return (bytes[Math.floor(index / each)]! >> (bits * (index % each))) & (2 ** bits - 1);
};

/** The weight [N, K] as the numbers that it stands for: (q - zero point) * scale; undefined where it is no constant. */
function weightOf(t: Tape, node: Node): (Tensor & { dtype: 'float32' }) | undefined {
  const [packed, scales] = [constantOf(t, node.inputs[1]), constantOf(t, node.inputs[2])];
  const zeros = constantOf(t, given(node, 3));
  if (packed?.dtype !== 'uint8' || scales?.dtype !== 'float32' || (given(node, 3) && !zeros)) return undefined;
  const [k, n, bits] = [attrInt(node, 'K'), attrInt(node, 'N'), attrInt(node, 'bits', 4)];
  const size = attrInt(node, 'block_size');
  const blocks = Math.ceil(k / size);
  // Bytes of the zero points of one row; those of float32 are not packed.
  const row = Math.ceil((blocks * bits) / 8);
  const zeroOf = (r: number, b: number): number => {
    if (!zeros) return 2 ** (bits - 1);
    if (zeros.dtype === 'float32') return zeros.data[r * blocks + b]!;
    return unpacked(zeros.data as Uint8Array, (r * row * 8) / bits + b, bits);
  };
  const data = new Float32Array(n * k);
  for (let r = 0; r < n; r++)
    for (let i = 0; i < k; i++) {
      const block = Math.floor(i / size);
      // Each block begins at a byte of its own.
      const q = unpacked(packed.data, (r * blocks + block) * size + (i % size), bits);
      data[r * k + i] = (q - zeroOf(r, block)) * scales.data[r * blocks + block]!;
    }
  return float32([n, k], data) as Tensor & { dtype: 'float32' };
}

/** Y = A W' with the weight as it is: gradients pass to A and to the bias, the packed weight stays. */
export const matMulNBits: Composite = {
  unsupported(node) {
    if (given(node, 4)) return 'columns in another order';
    const bits = attrInt(node, 'bits', 4);
    return [2, 4, 8].includes(bits) ? undefined : `${bits} bits`;
  },
  decompose(t, node) {
    const weight = weightOf(t, node);
    if (!weight) return void t.nodes.push(node);
    const product = t.matmul(node.inputs[0]!, t.transposeLast(t.constant(weight, 'unpacked')));
    const bias = given(node, 5);
    publish(t, bias ? t.add(product, bias) : product, node.outputs[0]);
  },
};
