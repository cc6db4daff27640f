/**
 * Connectionist temporal classification (Graves, Fernandez, Gomez and Schmidhuber 2006): the probability of a label
 * sequence is the sum over all its alignments with blanks. Forward and backward variables are both needed for the gradient;
 * the backward ones are the forward ones of the sequence read from its end, so one recursion, unrolled over time, carries
 * both as one batch. Everything is in logarithms; `NEVER` is the logarithm of 0.
 */
import { float32, int, int64 } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import { fused, meanOf, oneHot, requireRank, type LossRow } from './row.js';
import { LABELS } from './spec.js';

const NEVER = -1e30;

/** 0 where the 0/1 value is 1, NEVER where it is 0. */
function logOf(t: Tape, indicator: string): string {
  return t.scale(t.sub(t.scalar(1), indicator), NEVER);
}

/** The same elements in reverse order along each of the axes; Slice-13 with an end before the first element. */
function reversed(t: Tape, x: string, axes: readonly number[]): string {
  const backwards = t.ints(axes.map(() => -1));
  const end = t.ints(axes.map(() => -(2 ** 31)));
  return t.emit('Slice', [x, backwards, end, t.ints(axes), backwards], t.shape(x));
}

function constantRow(t: Tape, length: number, of: (i: number) => number): string {
  return t.constant(
    float32(
      [1, length],
      Float32Array.from({ length }, (_, i) => of(i)),
    ),
    'row',
  );
}

/** The labels [batch, L] between blanks: what the recursion needs to know about its 2L + 1 states. */
interface States {
  /** [batch, states, classes]; a row of zeros where the labels have ended. */
  readonly hot: string;
  /** Logarithm of whether a path may start here, read from the front and from the end: [2 * batch, states]. */
  readonly start: string;
  /** Logarithm of whether a path may come from two states before: [2 * batch, states]. */
  readonly skip: string;
  /** Number of labels of each sample, at least 1: [batch]. */
  readonly length: string;
}

/** @param labels [batch, count] */
function statesOf(t: Tape, labels: string, classes: number, blank: number): States {
  const [batch, count] = t.shape(labels) as [number, number];
  const n = 2 * count + 1;
  const inner = oneHot(t, labels, classes);
  const used = t.indicator(
    t.compare('GreaterOrEqual', labels, t.constant({ dtype: 'int32', dims: [], data: Int32Array.of(0) }, 'zero')),
  );
  const blankRow = t.constant(
    float32(
      [1, 1, classes],
      Float32Array.from({ length: classes }, (_, c) => (c === blank ? 1 : 0)),
    ),
    'blank',
  );
  // blank, label, blank, label, ...: pairs along a new axis, and one more blank.
  const pairs = t.concat(
    [
      t.expand(t.reshape(blankRow, [1, 1, 1, classes]), [batch, count, 1, classes]),
      t.reshape(inner, [batch, count, 1, classes]),
    ],
    2,
  );
  const hot = t.concat([t.reshape(pairs, [batch, 2 * count, classes]), t.expand(blankRow, [batch, 1, classes])], 1);
  // A label may be reached from the label before it unless both are the same; a blank never from two states before.
  const before = t.slice(hot, [1], [0], [n - 2], [1]);
  const repeats = t.reduce('ReduceSum', t.mul(before, t.slice(hot, [1], [2], [n], [1])), [2], false);
  const isLabel = constantRow(t, n - 2, (s) => (s % 2 === 1 ? 1 : 0));
  const may = t.pad(t.mul(t.sub(t.scalar(1), repeats), isLabel), [0, 2, 0, 0]);
  const mayFromEnd = t.pad(reversed(t, t.slice(may, [1], [2], [n], [1]), [1]), [0, 2, 0, 0]);
  const length = t.reduce('ReduceSum', used, [1]);
  const position = constantRow(t, n, (s) => s);
  const last = t.scale(length, 2);
  const ends = t.indicator(
    t.compare(
      'And',
      t.compare('LessOrEqual', position, last),
      t.compare('GreaterOrEqual', position, t.sub(last, t.scalar(1))),
    ),
  );
  const starts = t.expand(
    constantRow(t, n, (s) => (s < 2 ? 1 : 0)),
    [batch, n],
  );
  return {
    hot,
    start: logOf(t, t.concat([starts, reversed(t, ends, [1])], 0)),
    skip: logOf(t, t.concat([may, mayFromEnd], 0)),
    length: t.binary('Max', t.reshape(length, [batch]), t.scalar(1)),
  };
}

/** log(exp(a) + exp(b) + ...) of values of one shape. */
function logSum(t: Tape, parts: readonly string[]): string {
  const shape: Shape = t.shape(parts[0]!);
  const peak = t.emit('Max', parts, shape);
  const terms = parts.map((p) => t.unary('Exp', t.sub(p, peak)));
  return t.add(peak, t.unary('Log', t.emit('Sum', terms, shape)));
}

/** log(sum(exp(x))) over the last axis, which is kept. */
function logSumLast(t: Tape, x: string): string {
  const axis = t.shape(x).length - 1;
  const peak = t.reduce('ReduceMax', x, [axis]);
  return t.add(peak, t.unary('Log', t.reduce('ReduceSum', t.unary('Exp', t.sub(x, peak)), [axis])));
}

/** x moved `by` states to the right, NEVER coming in. */
function shifted(t: Tape, x: string, by: number): string {
  const shape = t.shape(x);
  const kept = t.slice(x, [1], [0], [shape[1]! - by], [1]);
  return t.emit('Pad', [kept, t.constant(int64([4], [0, by, 0, 0]), 'pads', `ctc:${by}`), t.scalar(NEVER)], shape);
}

/** Forward variables [rows, time, states] of emissions of that shape. */
function recursion(t: Tape, emissions: string, states: States): string {
  const [rows, time, n] = t.shape(emissions) as [number, number, number];
  const steps: string[] = [];
  for (let at = 0; at < time; at++) {
    const emission = t.reshape(t.slice(emissions, [1], [at], [at + 1], [1]), [rows, n]);
    const before = steps.at(-1);
    const reach =
      before === undefined
        ? states.start
        : logSum(t, [before, shifted(t, before, 1), t.add(shifted(t, before, 2), states.skip)]);
    steps.push(t.add(reach, emission));
  }
  return t.concat(
    steps.map((s) => t.reshape(s, [rows, 1, n])),
    1,
  );
}

/**
 * Value and gradient. Labels that are too many for the time have no alignment: such samples count as 0 and move nothing.
 */
export const ctc: LossRow<'ctc'> = {
  write(t, spec, output) {
    const shape = requireRank(t, spec.kind, output, ['batch', 'time', 'classes']);
    const [batch, classes] = [shape[0]!, shape[2]!];
    const labels = t.input(LABELS, [batch, spec.labels], 'int32');
    const log = t.emit('LogSoftmax', [output], t.shape(output), { axis: int(-1) });
    const states = statesOf(t, labels, classes, spec.blank ?? 0);
    const emissions = t.matmul(log, t.transposeLast(states.hot));
    const both = recursion(t, t.concat([emissions, reversed(t, emissions, [1, 2])], 0), states);
    const forward = t.slice(both, [0], [0], [batch], [1]);
    const backward = reversed(t, t.slice(both, [0], [batch], [2 * batch], [1]), [1, 2]);
    // Both variables hold the emission of their own time; log of p(path through state s at this time, labels).
    const through = t.sub(t.add(forward, backward), emissions);
    const total = logSumLast(t, t.slice(through, [1], [0], [1], [1]));
    const possible = t.indicator(t.compare('Greater', total, t.scalar(NEVER / 2)));
    const share = t.div(t.reshape(possible, [batch]), states.length);
    const negative = t.mul(t.unary('Neg', t.reshape(total, [batch])), share);
    const posterior = t.matmul(t.unary('Exp', t.sub(through, total)), states.hot);
    const gradient = t.mul(t.sub(t.unary('Exp', log), posterior), t.reshape(t.scale(share, 1 / batch), [batch, 1, 1]));
    return fused(output, meanOf(t, negative), gradient);
  },
};
