/**
 * Gradients of ConvTranspose: the operator is the input gradient of a convolution from its output to its input, so its own
 * input gradient is that convolution, and the weights' gradient is the convolution's with the two images exchanged.
 */
import { attrInt, attrInts, attrString, elementCount, int, ints, type Node } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import { weightGradient, type Convolution } from './convolution-weights.js';
import type { Row } from './row.js';

/** The convolution that leads back, from the output [batch, M, ...] to the input [batch, C, ...]. */
function convolutionBack(t: Tape, node: Node): Convolution {
  const [x, w, y] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]!].map((v) => t.shape(v)) as [
    Shape,
    Shape,
    Shape,
  ];
  const kernel = w.slice(2);
  const ones = kernel.map(() => 1);
  const strides = attrInts(node, 'strides', ones);
  const dilations = attrInts(node, 'dilations', ones);
  const [input, output] = [y.slice(2), x.slice(2)];
  // What the taps of all inputs reach, before the pads cut it (or an output padding adds to it).
  const reach = kernel.map((k, i) => (output[i]! - 1) * strides[i]! + (k - 1) * dilations[i]! + 1);
  const padBegin = kernel.map((_, i) => beginOfPads(node, i, reach[i]!, input[i]!));
  const padEnd = kernel.map((_, i) => reach[i]! - padBegin[i]! - input[i]!);
  return {
    batch: x[0]!,
    inChannels: y[1]!,
    outChannels: x[1]!,
    group: attrInt(node, 'group', 1),
    ...{ input, output, kernel, strides, dilations, padBegin, padEnd },
  };
}

/**
 * ConvTranspose-22: pads are given, or share what is too much for the wanted size: the smaller half at the beginning for
 * SAME_UPPER, the larger one otherwise.
 */
function beginOfPads(node: Node, axis: number, reach: number, size: number): number {
  const auto = attrString(node, 'auto_pad', 'NOTSET');
  const wanted = node.attributes.has('output_shape') || auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  if (!wanted) return auto === 'VALID' ? 0 : (attrInts(node, 'pads', [])[axis] ?? 0);
  const padding = attrInts(node, 'output_padding', [])[axis] ?? 0;
  const total = Math.max(0, reach + padding - size);
  return auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
}

/** An output padding makes rows at the end that nothing reached; the convolution back must not see them. */
function withoutUnreached(t: Tape, c: Convolution, dy: string): [Convolution, string] {
  if (c.padEnd.every((p) => p >= 0)) return [c, dy];
  const size = c.input.map((d, i) => d + Math.min(0, c.padEnd[i]!));
  const axes = size.map((_, i) => i + 2);
  const cut = t.slice(
    dy,
    axes,
    axes.map(() => 0),
    size,
    axes.map(() => 1),
  );
  return [{ ...c, input: size, padEnd: c.padEnd.map((p) => Math.max(0, p)) }, cut];
}

export const convTranspose: Row = {
  vjp: (t, n, dy) => {
    const [c, seen] = withoutUnreached(t, convolutionBack(t, n.node), dy);
    const [x, w, bias] = [n.inputs[0]!, n.inputs[1]!, n.inputs[2]];
    return [
      () => {
        if (elementCount(c.kernel) === 1 && c.group === 1 && c.strides.every((s) => s === 1) && isWhole(c)) {
          const rows = t.reshape(seen, [c.batch, c.inChannels, elementCount(c.input)]);
          return t.reshape(t.matmul(t.reshape(w, [c.outChannels, c.inChannels]), rows), t.shape(x));
        }
        return t.emit('Conv', [seen, w], t.shape(x), {
          group: int(c.group),
          strides: ints(c.strides),
          dilations: ints(c.dilations),
          pads: ints([...c.padBegin, ...c.padEnd]),
        });
      },
      () => weightGradient(t, c, seen, x),
      bias ? () => t.reduce('ReduceSum', dy, [0, ...c.kernel.map((_, i) => i + 2)], false) : null,
    ];
  },
};

const isWhole = (c: Convolution): boolean => [...c.padBegin, ...c.padEnd].every((p) => p === 0);
