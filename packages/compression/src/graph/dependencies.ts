/**
 * Which channels depend on which: a walk over the graph ties every index of every axis to what must stay or go with it. Sizes and
 * axes are those that shape inference proves; what is not proven, or what no rule follows, keeps its channels and says why.
 */
import { isDefaultDomain, provenTypes, type Model, type Node, type SessionFactory } from '@verge/onnx';
import { typesAtBatch } from './bound-batch.js';
import { capturedNames } from './index-of-values.js';
import { opaque } from './rules/elementwise.js';
import { sizeRule } from './rules/sizes.js';
import { rules } from './rules/table.js';
import { settled } from './settled.js';
import { spacesOf, type Space } from './spaces.js';
import { Removal, Surgery } from './surgery.js';
import { called, Walk } from './walk.js';

/** A model whose channels are followed. */
export interface Dependencies {
  /** The model with its constants settled: what `spaces` speak of. */
  readonly model: Model;
  readonly walk: Walk;
  readonly spaces: readonly Space[];
}

function visit(node: Node, walk: Walk): void {
  const captured = capturedNames(node);
  for (const name of captured) walk.freezeValue(name, `a graph inside ${called(node)} reads it`);
  const done = sizeRule(node, walk);
  if (done) return;
  const rule = isDefaultDomain(node.domain) && captured.length === 0 ? rules.get(node.op) : undefined;
  const unproven = [...node.inputs, ...node.outputs].find((name) => name !== '' && !walk.dims(name));
  if (!rule) return opaque(node, walk, node.inputs);
  if (unproven !== undefined)
    return opaque(node, walk, node.inputs, `the shape of '${unproven}' at ${called(node)} is not proven`);
  rule(node, walk);
}

/** Operators that say no sizes, or whose rule says those of open axes in a way that fits any batch. */
const SIZELESS = new Set(
  'Add Cast Div Dropout Flatten Identity MatMul Mul Reshape Softmax Squeeze Sub Transpose Unsqueeze Where'.split(' '),
);

/** Channels that lie along an axis of open size stay where a node could have to say that size. */
function keepOpen(node: Node, walk: Walk): void {
  if (isDefaultDomain(node.domain) && SIZELESS.has(node.op)) return;
  for (const name of node.outputs)
    walk.values.get(name)?.axes.forEach((axis, i) => {
      if (walk.isOpen(name, i)) walk.freezeAxis(axis, `it lies along an axis of open size at ${called(node)}`);
    });
}

/** Ties whole rows of grids, and groups of convolutions. */
function decide(walk: Walk): void {
  for (const { parts, options, prefer } of walk.decisions) {
    const classes = options.map((option) => {
      const trial = walk.units.clone();
      option(trial);
      return Math.min(...parts.map((labels) => trial.movable(labels.flatMap((list) => [...list]))));
    });
    const best = prefer !== undefined && (classes[prefer] ?? 0) > 1 ? prefer : classes.indexOf(Math.max(...classes));
    options[best]?.(walk.units);
  }
}

/**
 * @param block how many channels the kernels work on at a time: groups of a convolution keep at least as many
 * @throws OnnxError as `provenTypes` and `foldConstants`
 */
export async function dependencies(model: Model, createSession: SessionFactory, block = 1): Promise<Dependencies> {
  const ready = await settled(model, createSession);
  const open = provenTypes(ready);
  const walk = new Walk(ready, typesAtBatch(ready, open), open, block);
  for (const node of ready.graph.nodes) {
    visit(node, walk);
    keepOpen(node, walk);
  }
  for (const output of ready.graph.outputs) walk.freezeValue(output.name, 'it is an output of the model');
  decide(walk);
  return { model: ready, walk, spaces: spacesOf(walk) };
}

/** The classes that go when each space keeps some, by index. */
export function removalOf({ walk }: Dependencies, spaces: readonly Space[], keep: readonly Int32Array[]): Removal {
  const gone = new Set<number>();
  spaces.forEach((space, s) => {
    const kept = new Set(keep[s]);
    space.classes.forEach((root, i) => {
      if (!kept.has(i)) gone.add(root);
    });
  });
  return new Removal(walk.units, gone);
}

/** The model without the channels that go. */
export function withoutChannels({ walk }: Dependencies, removal: Removal): Model {
  return new Surgery(walk, removal).run();
}
