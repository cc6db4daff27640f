/** Recurrent layers: a hidden unit has a row in the weights of each gate, a column in those of the recurrence, and a state. */
import { attrInt, type Node } from '@verge/onnx';
import { called, type Rule, type Walk } from '../walk.js';
import { isLabels, type Axis } from '../values.js';
import { opaque } from './elementwise.js';

const gatesOf: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };

const repeated = (labels: Int32Array, times: number): Int32Array =>
  Int32Array.from({ length: labels.length * times }, (_, i) => labels[i % labels.length] as number);

/** Both directions of a bidirectional layer lose the same units, since they are one axis of the output. */
const recurrent: Rule = (node, walk) => {
  const [x, w, r, b, , h, c, p] = node.inputs as [string, string, string, ...(string | undefined)[]];
  const gates = gatesOf[node.op] as number;
  const hidden = attrInt(node, 'hidden_size');
  const weights = [w, r].map((name) => walk.settled(name, node));
  const [input, recurrence] = weights as [readonly Axis[], readonly Axis[]];
  const labels = recurrence[2];
  if (!isLabels(labels) || labels.length !== hidden) return opaque(node, walk, node.inputs);
  const reason = `the weights of ${called(node)} are not constant`;
  const read = walk.settled(x, node);
  walk.unite(read[2], input[2], reason);
  walk.sink(node, 0, 2, read[2]);
  walk.sink(node, 2, 2, labels);
  walk.unite(input[1], repeated(labels, gates), reason);
  walk.unite(recurrence[1], repeated(labels, gates), reason);
  const tied = [
    [b, 1, 2 * gates],
    [p, 1, 3],
    [h, 2, 1],
    [c, 2, 1],
  ] as const;
  for (const [name, axis, times] of tied)
    if (name) walk.unite(walk.settled(name, node)[axis], repeated(labels, times), `a state of ${called(node)} stays`);
  rows(node, w, labels, gates, walk);
  rows(node, r, labels, gates, walk);
  for (const name of node.outputs) {
    if (name === '') continue;
    const rank = walk.dims(name)?.length ?? 0;
    walk.set(name, Array.from({ length: rank }, (_, i) => (i === rank - 1 ? labels : null))); // prettier-ignore
  }
  walk.edit((surgery) => {
    const now = surgery.size(r, 2);
    if (now !== null && now !== hidden) surgery.count(node, 'hidden_size', now);
  });
};

/** The rows of all gates compute the units, of which there are `labels.length`. */
function rows(node: Node, weight: string, labels: Int32Array, gates: number, walk: Walk): void {
  const before = walk.producers.length;
  walk.producer(node, weight, 1, repeated(labels, gates));
  for (const producer of walk.producers.slice(before)) producer.gates = gates;
}

export const recurrentRules: Readonly<Record<string, Rule>> = { LSTM: recurrent, GRU: recurrent, RNN: recurrent };
