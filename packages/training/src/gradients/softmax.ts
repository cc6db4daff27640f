/** Gradients of Softmax-13 and LogSoftmax-13, along any axis. */
import { attrInt } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Applied, Row } from './row.js';
import { axisOf } from './shape-ops.js';

const softmaxAxis = (t: Tape, n: Applied): number[] => [
  axisOf(attrInt(n.node, 'axis', -1), t.shape(n.inputs[0]!).length),
];

export const softmax: Row = {
  vjp: (t, n, dy) => [
    () => {
      const y = n.outputs[0]!;
      const weighted = t.mul(dy, y);
      return t.sub(weighted, t.mul(y, t.reduce('ReduceSum', weighted, softmaxAxis(t, n))));
    },
  ],
};

export const logSoftmax: Row = {
  vjp: (t, n, dy) => [
    () => {
      const total = t.reduce('ReduceSum', dy, softmaxAxis(t, n));
      return t.sub(dy, t.mul(t.unary('Exp', n.outputs[0]!), total));
    },
  ],
};
