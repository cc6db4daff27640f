/** Gradients of reductions (opset 18 form: the axes are an input) and of the softmax family. */
import { attrInt, elementCount } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Applied, Row } from './row.js';
import { axisOf, constantInts } from './shape-ops.js';

function reducedAxes(t: Tape, n: Applied): number[] {
  const rank = t.shape(n.inputs[0]!).length;
  const axes = constantInts(t, n.node, 1) ?? [];
  if (axes.length > 0) return axes.map((a) => axisOf(a, rank));
  const all = Array.from({ length: rank }, (_, i) => i);
  return attrInt(n.node, 'noop_with_empty_axes', 0) === 1 ? [] : all;
}

/** dy with size-1 axes where the reduction dropped them. */
function keptShape(t: Tape, n: Applied, value: string): string {
  const axes = reducedAxes(t, n);
  const shape = t.shape(n.inputs[0]!).map((d, i) => (axes.includes(i) ? 1 : d));
  return t.reshape(value, shape);
}

export const reduceSum: Row = {
  vjp: (t, n, dy) => [() => t.expand(keptShape(t, n, dy), t.shape(n.inputs[0]!)), null],
};

export const reduceMean: Row = {
  vjp: (t, n, dy) => [
    () => {
      const shape = t.shape(n.inputs[0]!);
      const share = elementCount(t.shape(dy)) / elementCount(shape);
      return t.expand(t.scale(keptShape(t, n, dy), share), shape);
    },
    null,
  ],
};

/** Equal maxima share the gradient. */
export const reduceMax: Row = {
  vjp: (t, n, dy) => [
    () => {
      const x = n.inputs[0]!;
      const mask = t.indicator(t.compare('Equal', x, keptShape(t, n, n.outputs[0]!)));
      const count = t.reduce('ReduceSum', mask, reducedAxes(t, n));
      return t.mul(mask, t.div(keptShape(t, n, dy), count));
    },
    null,
  ],
};

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
