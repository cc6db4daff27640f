/**
 * Gradient of Pad in every mode. Along one axis a padded element is a copy of some input element or a constant; the copies
 * form runs that walk forwards (the middle, wrap), backwards (reflect) or stand still (edge), and each run is folded back
 * as a whole.
 */
import { attrString, type Node } from '@verge/onnx';
import type { Tape } from '../tape.js';
import type { Row } from './row.js';
import { axisOf, constantInts } from './shape-ops.js';

interface Run {
  /** First output element, number of elements, smallest input element, and the direction in which the input is walked. */
  readonly begin: number;
  readonly count: number;
  readonly input: number;
  readonly step: -1 | 0 | 1;
}

/** The input element that output element `at` copies, or undefined for a constant. */
function sourceOf(mode: string, at: number, size: number): number | undefined {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case 'edge':
      return at < 0 ? 0 : size - 1;
    case 'wrap':
      return ((at % size) + size) % size;
    case 'reflect': {
      const period = 2 * (size - 1);
      const within = ((at % period) + period) % period;
      return within < size ? within : period - within;
    }
    default:
      return undefined;
  }
}

/** Cuts a list of sources into runs of one direction. */
export function runsOf(sources: readonly (number | undefined)[]): Run[] {
  const runs: Run[] = [];
  let i = 0;
  while (i < sources.length) {
    const first = sources[i];
    if (first === undefined) {
      i++;
      continue;
    }
    const difference = sources[i + 1] === undefined ? 1 : sources[i + 1]! - first;
    const step = Math.abs(difference) <= 1 ? (difference as -1 | 0 | 1) : 1;
    let end = i + 1;
    while (end < sources.length && sources[end] === sources[end - 1]! + step) end++;
    const last = sources[end - 1]!;
    runs.push({ begin: i, count: end - i, input: Math.min(first, last), step });
    i = end;
  }
  return runs;
}

/** The sum of all runs, each at its place in an axis of `size` elements. */
function foldAxis(t: Tape, dy: string, axis: number, runs: readonly Run[], size: number): string {
  const folded = runs.map(({ begin, count, input, step }) => {
    let part = t.slice(dy, [axis], [begin], [begin + count], [1]);
    if (step === -1) part = t.reverse(part, axis);
    if (step === 0) part = t.reduce('ReduceSum', part, [axis]);
    const shape = t.shape(part);
    const pads = new Array<number>(2 * shape.length).fill(0);
    pads[axis] = input;
    pads[axis + shape.length] = size - input - shape[axis]!;
    return t.pad(part, pads);
  });
  if (folded.length > 0) return folded.reduce((a, b) => t.add(a, b));
  return t.zeros(t.shape(dy).map((d, i) => (i === axis ? size : d)));
}

function foldBack(t: Tape, node: Node, dy: string): string {
  const shape = t.shape(node.inputs[0]!);
  const mode = attrString(node, 'mode', 'constant');
  const pads = constantInts(t, node, 1)!;
  const axes = (constantInts(t, node, 3) ?? shape.map((_, i) => i)).map((a) => axisOf(a, shape.length));
  return axes.reduce((gradient, axis, i) => {
    const [size, begin, end] = [shape[axis]!, pads[i]!, pads[i + axes.length]!];
    if (begin === 0 && end === 0) return gradient;
    const sources = Array.from({ length: size + begin + end }, (_, o) => sourceOf(mode, o - begin, size));
    return foldAxis(t, gradient, axis, runsOf(sources), size);
  }, dy);
}

const MODES: readonly string[] = ['constant', 'reflect', 'edge', 'wrap'];

/** Pad-19; negative pads cut elements off. */
export const pad: Row = {
  unsupported(node: Node) {
    const mode = attrString(node, 'mode', 'constant');
    return MODES.includes(mode) ? undefined : `mode '${mode}'`;
  },
  vjp: (t, n, dy) => {
    const back = (): string => foldBack(t, n.node, dy);
    const all = t.shape(dy).map((_, i) => i);
    const total = (x: string): string => t.reduce('ReduceSum', x, all, false);
    // What did not come from the input came from the constant.
    const constant = (): string => t.reshape(t.sub(total(dy), total(back())), t.shape(n.inputs[2]!));
    return [back, null, n.inputs[2] ? constant : null, null];
  },
};
