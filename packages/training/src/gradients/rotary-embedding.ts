/**
 * RotaryEmbedding-23 (arXiv 2104.09864) as what it is: pairs of elements of each head, turned by an angle of their position.
 */
import { attrInt, int, type Node } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Composite } from './row.js';

/** Cosines or sines of all positions, [batch, positions, 1, pairs], from a table or as they are given. */
function angles(t: Tape, cache: string, positions: string | undefined): string {
  const [size, pairs] = t.shape(cache).slice(-2) as [number, number];
  if (!positions) return t.reshape(cache, [t.shape(cache)[0]!, size, 1, pairs]);
  const places = t.shape(positions);
  const read = t.emit('Gather', [cache, positions], [...places, pairs], { axis: int(0) });
  return t.reshape(read, [...places, 1, pairs]);
}

/** Every second element of the last axis, or one half of it. */
function part(t: Tape, x: string, interleaved: boolean, second: boolean): string {
  const shape = t.shape(x);
  const [axis, size] = [shape.length - 1, shape.at(-1)!];
  const [begin, half] = [second ? 1 : 0, size / 2];
  if (interleaved) return t.slice(x, [axis], [begin], [size], [2]);
  return t.slice(x, [axis], [begin * half], [(begin + 1) * half], [1]);
}

function joined(t: Tape, first: string, second: string, interleaved: boolean, shape: Shape): string {
  if (!interleaved) return t.concat([first, second], shape.length - 1);
  const apart = [...t.shape(first), 1];
  const pairs = t.concat([t.reshape(first, apart), t.reshape(second, apart)], shape.length);
  return t.reshape(pairs, shape);
}

/** [batch, positions, heads, size], whichever of its two forms the input has. */
function byPosition(t: Tape, node: Node): string {
  const x = node.inputs[0]!;
  const shape = t.shape(x);
  if (shape.length === 4) return t.transpose(x, [0, 2, 1, 3]);
  const heads = attrInt(node, 'num_heads');
  return t.reshape(x, [shape[0]!, shape[1]!, heads, shape[2]! / heads]);
}

export const rotaryEmbedding: Composite = {
  decompose(t, node) {
    const whole = byPosition(t, node);
    const shape = t.shape(whole);
    const size = shape[3]!;
    const turned = attrInt(node, 'rotary_embedding_dim', 0) || size;
    const interleaved = attrInt(node, 'interleaved', 0) === 1;
    const x = t.slice(whole, [3], [0], [turned], [1]);
    const [cos, sin] = [1, 2].map((i) => angles(t, node.inputs[i]!, node.inputs[3])) as [string, string];
    const [a, b] = [part(t, x, interleaved, false), part(t, x, interleaved, true)];
    const real = t.sub(t.mul(a, cos), t.mul(b, sin));
    const imaginary = t.add(t.mul(a, sin), t.mul(b, cos));
    const result = joined(t, real, imaginary, interleaved, [...shape.slice(0, 3), turned]);
    const rest = turned < size ? [t.slice(whole, [3], [turned], [size], [1])] : [];
    const y = t.concat([result, ...rest], 3);
    const back = t.shape(node.inputs[0]!).length === 4 ? t.transpose(y, [0, 2, 1, 3]) : y;
    t.node('Identity', [t.reshape(back, t.shape(node.inputs[0]!))], [node.outputs[0]!]);
  },
};
