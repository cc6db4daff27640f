/** Reductions, and operators that compare or add up the elements along one axis. */
import { attrInt, attrInts, type Node } from '@verge/onnx';
import { called, wrap, type Rule, type Sink, type Walk } from '../walk.js';
import { opaque } from './elementwise.js';

/** The axes of a reduction; null when they are not constant. */
function axesOf(node: Node, rank: number, walk: Walk): number[] | null {
  const given = node.inputs[1] ? walk.ints(node.inputs[1]) : node.attributes.has('axes') ? attrInts(node, 'axes') : [];
  if (!given) return null;
  if (given.length > 0) return given.map((a) => wrap(a, rank));
  if (attrInt(node, 'noop_with_empty_axes', 0) === 1) return [];
  return Array.from({ length: rank }, (_, i) => i);
}

/** Along the axes that go, a removed channel counts as `kind` says. */
const reduction =
  (kind: Sink['kind']): Rule =>
  (node, walk) => {
    const x = node.inputs[0] as string;
    const { dims } = walk.value(x);
    const over = axesOf(node, dims.length, walk);
    if (!over) return opaque(node, walk, [x], `${called(node)} reduces along axes that are not constant`);
    const axes = walk.settled(x, node, (i) => !over.includes(i));
    for (const i of over) walk.sink(node, 0, i, axes[i], kind);
    const kept = attrInt(node, 'keepdims', 1) === 1;
    const made = axes.map((axis, i) => (over.includes(i) ? null : axis));
    walk.set(node.outputs[0] as string, kept ? made : made.filter((_, i) => !over.includes(i)));
  };

/** What is along `axis` depends on all of it, in its order or in its number. */
const along =
  (standard: (walk: Walk) => number): Rule =>
  (node, walk) => {
    const x = node.inputs[0] as string;
    const rank = walk.value(x).dims.length;
    const axis = wrap(attrInt(node, 'axis', standard(walk)), rank);
    // Before operator set 13 the axes from `axis` on are taken together.
    const together = /Softmax|Hardmax/.test(node.op) && walk.opset() < 13;
    const mixed = (i: number): boolean => i === axis || (together && i > axis);
    const axes = walk.settled(x, node, (i) => !mixed(i));
    axes.forEach((labels, i) => {
      if (mixed(i)) walk.freezeAxis(labels, `${called(node)} works along it`);
    });
    const shrinks = /^Arg(Max|Min)$/.test(node.op) && attrInt(node, 'keepdims', 1) === 0;
    const made = axes.map((labels, i) => (mixed(i) ? null : labels));
    for (const name of node.outputs) if (name !== '') walk.set(name, shrinks ? made.filter((_, i) => i !== axis) : made); // prettier-ignore
  };

const softmaxAxis = (walk: Walk): number => (walk.opset() < 13 ? 1 : -1);

const cumSum: Rule = (node, walk) => {
  const x = node.inputs[0] as string;
  const rank = walk.value(x).dims.length;
  const at = walk.ints(node.inputs[1])?.[0];
  if (at === undefined) return opaque(node, walk, [x]);
  const axes = walk.settled(x, node, (i) => i !== wrap(at, rank));
  walk.sink(node, 0, wrap(at, rank), axes[wrap(at, rank)]);
  walk.set(node.outputs[0] as string, axes);
};

export const reduceRules: Readonly<Record<string, Rule>> = {
  ReduceMean: reduction('mean'),
  ReduceSum: reduction('zero'),
  ReduceSumSquare: reduction('zero'),
  ReduceL1: reduction('zero'),
  ReduceL2: reduction('zero'),
  ReduceMax: reduction('lowest'),
  ReduceMin: reduction('highest'),
  Softmax: along(softmaxAxis),
  LogSoftmax: along(softmaxAxis),
  Hardmax: along(softmaxAxis),
  ArgMax: along(() => 0),
  ArgMin: along(() => 0),
  TopK: along(() => -1),
  CumSum: cumSum,
};
