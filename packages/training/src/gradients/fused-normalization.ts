/**
 * Normalisations that ONNX Runtime's optimiser fused with the sum before them (docs/ContribOperators.md), and those that it keeps
 * under names of its own.
 */
import { attrFloat, attrInt, float, int, int64, type Node } from '@verge/onnx';
import type { Tape } from '../tape.js';
import { given, publish } from './fused-products.js';
import type { Composite } from './row.js';

const epsilonOf = (node: Node, fallback: number): number => attrFloat(node, 'epsilon', fallback);

/** The norms of the fused operators give their statistics to nobody in inference. */
const noStatistics =
  (...outputs: number[]) =>
  (node: Node): string | undefined =>
    outputs.some((i) => node.outputs[i]) ? 'its statistics are read' : undefined;

function layerNorm(t: Tape, x: string, scale: string, shift: string | undefined, epsilon: number): string {
  const inputs = shift ? [x, scale, shift] : [x, scale];
  return t.emit('LayerNormalization', inputs, t.shape(x), { axis: int(-1), epsilon: float(epsilon) });
}

/** Mean square over the axes from `axis` on, then the scale (RMSNormalization-23). */
function rootMeanSquare(t: Tape, x: string, scale: string, axis: number, epsilon: number): string {
  return t.emit('RMSNormalization', [x, scale], t.shape(x), { axis: int(axis), epsilon: float(epsilon) });
}

/** SimplifiedLayerNormalization, which ONNX Runtime keeps in the default domain. */
export const simplifiedLayerNormalization: Composite = {
  unsupported: noStatistics(1),
  decompose(t, node) {
    const [x, scale] = node.inputs as [string, string];
    publish(t, rootMeanSquare(t, x, scale, attrInt(node, 'axis', -1), epsilonOf(node, 1e-5)), node.outputs[0]);
  },
};

/** The sum of the input, what skipped a layer, and a bias; the sum is output 3. */
function skipSum(t: Tape, node: Node, bias: string | undefined): string {
  const [x, skip] = node.inputs as [string, string];
  const sum = t.add(x, skip);
  const whole = bias ? t.add(sum, bias) : sum;
  publish(t, whole, node.outputs[3]);
  return whole;
}

/** SkipLayerNormalization: input, skip, gamma, beta, bias. */
export const skipLayerNormalization: Composite = {
  unsupported: noStatistics(1, 2),
  decompose(t, node) {
    const sum = skipSum(t, node, given(node, 4));
    publish(t, layerNorm(t, sum, node.inputs[2]!, given(node, 3), epsilonOf(node, 1e-12)), node.outputs[0]);
  },
};

/** SkipSimplifiedLayerNormalization: input, skip, gamma, bias. */
export const skipSimplifiedLayerNormalization: Composite = {
  unsupported: noStatistics(1, 2),
  decompose(t, node) {
    const sum = skipSum(t, node, given(node, 3));
    publish(t, rootMeanSquare(t, sum, node.inputs[2]!, -1, epsilonOf(node, 1e-12)), node.outputs[0]);
  },
};

/**
 * EmbedLayerNormalization of ids [B, S]: words, positions and segments added up and normalised. Output 1 counts the ones of the
 * mask, output 2 is the sum of the embeddings.
 */
export const embedLayerNormalization: Composite = {
  decompose(t, node) {
    const [ids, words, positions] = [node.inputs[0]!, node.inputs[2]!, node.inputs[3]!];
    const [batch, length] = t.shape(ids) as [number, number];
    const places =
      given(node, 8) ??
      t.constant(
        int64(
          [1, length],
          Array.from({ length }, (_, i) => i),
        ),
        'places',
      );
    const look = (table: string, at: string): string =>
      t.emit('Gather', [table, at], [...t.shape(at), t.shape(table)[1]!], { axis: int(0) });
    let sum = t.add(look(words, ids), look(positions, places));
    const [segmentIds, segments] = [given(node, 1), given(node, 4)];
    if (segmentIds && segments) sum = t.add(sum, look(segments, segmentIds));
    publish(t, sum, node.outputs[2]);
    publish(t, layerNorm(t, sum, node.inputs[5]!, given(node, 6), epsilonOf(node, 1e-12)), node.outputs[0]);
    if (!node.outputs[1]) return;
    const mask = given(node, 7);
    const zeros = { dtype: 'int32', dims: [batch], data: new Int32Array(batch) } as const;
    publish(t, mask ? t.reduce('ReduceSum', mask, [1], false) : t.constant(zeros, 'lengths'), node.outputs[1]);
  },
};
