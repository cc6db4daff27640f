/** Activations of domain com.microsoft (ONNX Runtime, docs/ContribOperators.md), which take a bias along. */
import { attrFloat, str } from '@verge/onnx';
import type { Tape } from '../tape.js';
import { given, publish } from './fused-products.js';
import type { Composite } from './row.js';

const gelu = (approximate: 'none' | 'tanh'): Composite => ({
  decompose(t, node) {
    const bias = given(node, 1);
    const x = bias ? t.add(node.inputs[0]!, bias) : node.inputs[0]!;
    publish(t, geluOf(t, x, approximate), node.outputs[0]);
  },
});

function geluOf(t: Tape, x: string, approximate: 'none' | 'tanh'): string {
  return t.emit('Gelu', [x], t.shape(x), { approximate: str(approximate) });
}

/** Gelu and BiasGelu (arXiv 1606.08415) by the error function. */
export const exactGelu = gelu('none');

/** FastGelu: the tanh form. */
export const fastGelu = gelu('tanh');

/** QuickGelu: x * sigmoid(alpha * x). */
export const quickGelu: Composite = {
  decompose(t, node) {
    const x = node.inputs[0]!;
    const gate = t.unary('Sigmoid', t.scale(x, attrFloat(node, 'alpha', 1.702)));
    publish(t, t.mul(x, gate), node.outputs[0]);
  },
};
