/** Gradients of Conv (any group, stride, padding, dilation; one or more spatial axes). */
import { attrInt, elementCount, int, ints, type Node } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import { weightGradient, type Convolution } from './convolution-weights.js';
import {
  blockedDepthwiseWeights,
  blockedForward,
  blockedInputGradient,
  flip,
  inputRunsBlocked,
  runsBlocked,
  weightsRunBlocked,
} from './convolution-blocked.js';
import { isTiny, rowForward, rowInputGradient, rowWeightGradient } from './convolution-rows.js';
import { slidingWindow, transposedPads } from './geometry.js';
import type { Row } from './row.js';

export type InputLowering = 'product' | 'rows' | 'flipped' | 'transposed';

/** Pointwise: a product (1.1 ms). Depthwise stride 1: a flipped Conv (4.1 against 6.9). Else ConvTranspose. */
export function chooseInputLowering(c: Convolution): InputLowering {
  const plain = [...c.padBegin, ...c.padEnd].every((p) => p === 0) && c.strides.every((s) => s === 1);
  if (isTiny(c)) return 'rows';
  if (c.group === 1 && elementCount(c.kernel) === 1 && plain) return 'product';
  const depthwise = c.group > 1 && c.group === c.inChannels && c.group === c.outChannels;
  const within = c.kernel.every((k, i) => {
    const reach = (k - 1) * c.dilations[i]!;
    return reach >= c.padBegin[i]! && reach >= c.padEnd[i]!;
  });
  return depthwise && within && c.strides.every((s) => s === 1) ? 'flipped' : 'transposed';
}

function describe(t: Tape, node: Node): Convolution {
  const [x, w, y] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]!].map((v) => t.shape(v)) as [
    Shape,
    Shape,
    Shape,
  ];
  return {
    ...slidingWindow(node, x, y, w.slice(2)),
    batch: x[0]!,
    inChannels: x[1]!,
    outChannels: w[0]!,
    group: attrInt(node, 'group', 1),
  };
}

function inputGradient(t: Tape, c: Convolution, w: string, dy: string): string {
  const shape = [c.batch, c.inChannels, ...c.input];
  if (!isTiny(c) && inputRunsBlocked(t, c)) return blockedInputGradient(t, c, w, dy);
  switch (chooseInputLowering(c)) {
    case 'product': {
      const weights = t.transposeLast(t.reshape(w, [c.outChannels, c.inChannels]));
      const columns = t.reshape(dy, [c.batch, c.outChannels, elementCount(c.output)]);
      return t.reshape(t.matmul(weights, columns), shape);
    }
    case 'rows':
      return rowInputGradient(t, c, w, dy);
    case 'flipped': {
      const pad = (side: readonly number[]): number[] => side.map((p, i) => (c.kernel[i]! - 1) * c.dilations[i]! - p);
      return t.emit('Conv', [dy, flip(t, w)], shape, {
        group: int(c.group),
        dilations: ints(c.dilations),
        pads: ints([...pad(c.padBegin), ...pad(c.padEnd)]),
      });
    }
    case 'transposed': {
      const { pads, outputPadding } = transposedPads(c);
      return t.emit('ConvTranspose', [dy, w], shape, {
        group: int(c.group),
        strides: ints(c.strides),
        dilations: ints(c.dilations),
        pads: ints(pads),
        output_padding: ints(outputPadding),
      });
    }
  }
}

export const conv: Row = {
  forward(t, node) {
    const c = describe(t, node);
    const [x, w, bias] = node.inputs as [string, string, string?];
    if (isTiny(c)) {
      const { output, columns } = rowForward(t, c, x, w, bias);
      t.node('Identity', [output], [node.outputs[0]!]);
      return { columns };
    }
    if (runsBlocked(t, c)) {
      t.node('Identity', [blockedForward(t, c, x, w, bias)], [node.outputs[0]!]);
    } else t.nodes.push(node);
    return {};
  },
  vjp: (t, n, dy) => {
    const c = describe(t, n.node);
    const axes = [0, ...c.kernel.map((_, i) => i + 2)];
    return [
      () => inputGradient(t, c, n.inputs[1]!, dy),
      () => {
        if (n.saved['columns']) return rowWeightGradient(t, c, n.saved['columns'], dy);
        if (weightsRunBlocked(t, c)) return blockedDepthwiseWeights(t, c, n.inputs[0]!, dy);
        return weightGradient(t, c, n.inputs[0]!, dy);
      },
      n.inputs[2] ? () => t.reduce('ReduceSum', dy, axes, false) : null,
    ];
  },
};
