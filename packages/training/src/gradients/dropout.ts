/**
 * Dropout-13 in training. ONNX's own seeded operators keep hidden state in the session, which a resumed run could not
 * restore; here the mask is a pure function of a seed that is fed with each step and of the element's position.
 */
import { elementCount, int, int64 } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Row } from './row.js';

/** The int64 scalar graph input that a model with Dropout asks for. */
export const DROPOUT_SEED = 'step.dropout_seed';

/** The Mersenne prime 2^31 - 1: squares of residues fit int64. */
const PRIME = 2147483647;

/** Uniform numbers in [0, 1): three rounds of the quadratic map h -> h * (h + k) mod 2^31 - 1 on position and seed. */
function positionNoise(t: Tape, shape: Shape, salt: number): string {
  const count = elementCount(shape);
  const positions = Array.from({ length: count }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 1) % PRIME);
  const integer = (value: number): string => t.constant(int64([], [value]), 'integer', `n:${value}`);
  const step = (op: string, a: string, b: string): string => t.emit(op, [a, b], t.shape(a), {}, 'int64');
  const base = t.constant(int64(shape, positions), 'positions', `p:${shape.join(',')}`);
  let h = step('Mod', step('Add', base, t.emit('Add', [DROPOUT_SEED, integer(salt)], [], {}, 'int64')), integer(PRIME));
  for (const k of [0x2545f491, 0x1b873593, 0x19660d]) {
    h = step('Mod', step('Mul', h, step('Add', h, integer(k))), integer(PRIME));
  }
  return t.scale(t.emit('Cast', [h], shape, { to: int(1) }), 1 / PRIME);
}

function ratioOf(t: Tape, name: string | undefined): number {
  const value = name ? t.initializers.get(name)?.value : undefined;
  return value && 'data' in value && value.dtype === 'float32' ? value.data[0]! : 0.5;
}

export const dropout: Row = {
  forward(t, node, mode) {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    const ratio = ratioOf(t, node.inputs[1]);
    if (mode === 'eval' || ratio === 0) {
      t.node('Identity', [x], [y]);
      return {};
    }
    t.declare(DROPOUT_SEED, [], 'int64');
    const salt = t.nodes.length * 7919;
    const kept = t.compare('GreaterOrEqual', positionNoise(t, t.shape(x), salt), t.scalar(ratio));
    // Inverted dropout: what is kept is scaled up, so that inference needs no change.
    const mask = t.scale(t.indicator(kept), 1 / (1 - ratio));
    t.node('Mul', [x, mask], [y]);
    return { mask };
  },
  vjp: (t, n, dy) => [() => (n.saved['mask'] ? t.mul(dy, n.saved['mask']) : dy), null, null],
};
