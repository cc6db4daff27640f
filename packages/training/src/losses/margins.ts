/** Losses with a margin, of scores and of embeddings. */
import { float32 } from '@verge/onnx';
import type { Tape } from '../tape.js';
import { derived, meanOf, oneHot, requireRank, sumOf, type LossRow } from './row.js';
import { LABELS, TARGET } from './spec.js';

export const hinge: LossRow<'hinge'> = {
  write(t, spec, output) {
    const [rows, classes] = requireRank(t, spec.kind, output, ['batch', 'classes']) as [number, number];
    const hot = oneHot(t, t.input(LABELS, [rows], 'int32'), classes);
    const others = t.sub(t.scalar(1), hot);
    return derived(t, [output], () => {
      const own = t.reduce('ReduceSum', t.mul(hot, output), [1]);
      const over = t.mul(t.unary('Relu', t.add(t.sub(output, own), t.scalar(spec.margin ?? 1))), others);
      return meanOf(t, spec.power === 2 ? t.mul(over, over) : over);
    });
  },
};

/** Added to squared lengths: a vector of zeros has cosine 0 with everything, and a finite gradient. */
const TINY = 1e-12;

export const cosine: LossRow<'cosine'> = {
  write(t, spec, output) {
    const shape = requireRank(t, spec.kind, output, ['batch', 'width']);
    const target = t.input(TARGET, shape);
    const length = (x: string): string =>
      t.unary('Sqrt', t.add(t.reduce('ReduceSum', t.mul(x, x), [1], false), t.scalar(TINY)));
    return derived(t, [output], () => {
      const product = t.reduce('ReduceSum', t.mul(output, target), [1], false);
      const similarity = t.div(product, t.mul(length(output), length(target)));
      return t.sub(t.scalar(1), meanOf(t, similarity));
    });
  },
};

/** Euclidean distances [batch, batch] of the rows, from their scalar products; equal rows are 1e-6 apart. */
function distances(t: Tape, rows: string): string {
  const squares = t.reduce('ReduceSum', t.mul(rows, rows), [1]);
  const products = t.matmul(rows, t.transposeLast(rows));
  const squared = t.sub(t.add(squares, t.transposeLast(squares)), t.scale(products, 2));
  return t.unary('Sqrt', t.binary('Max', squared, t.scalar(TINY)));
}

function identityMatrix(t: Tape, n: number): string {
  const data = Float32Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  return t.constant(float32([n, n], data), 'identity');
}

export const triplet: LossRow<'triplet'> = {
  write(t, spec, output) {
    const n = requireRank(t, spec.kind, output, ['batch', 'width'])[0]!;
    const labels = t.input(LABELS, [n], 'int32');
    const same = t.indicator(t.compare('Equal', t.reshape(labels, [n, 1]), t.reshape(labels, [1, n])));
    const positive = t.reshape(t.sub(same, identityMatrix(t, n)), [n, n, 1]);
    const valid = t.mul(positive, t.reshape(t.sub(t.scalar(1), same), [n, 1, n]));
    const count = t.binary('Max', sumOf(t, valid), t.scalar(1));
    return derived(t, [output], () => {
      const d = distances(t, output);
      const gap = t.sub(t.reshape(d, [n, n, 1]), t.reshape(d, [n, 1, n]));
      const over = t.unary('Relu', t.add(gap, t.scalar(spec.margin ?? 1)));
      return t.div(sumOf(t, t.mul(over, valid)), count);
    });
  },
};
