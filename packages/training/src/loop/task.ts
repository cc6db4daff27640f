/** What a loss makes of a run: what a batch must bring, and how outputs are judged. */
import type { LossKind, LossSpec } from '../losses.js';

export const taskKinds = ['classes', 'multi-label', 'values', 'sequences', 'embedding', 'none'] as const;
/**
 * `classes`: one class of several, for each sample or each position. `multi-label`: any of several at once. `values`:
 * numbers. `sequences`: shorter sequences of labels without alignment. `embedding`: distances alone matter. `none`: inner
 * values of the network are compared.
 */
export type TaskKind = (typeof taskKinds)[number];

const taskOfKind: Readonly<Record<Exclude<LossKind, 'sum'>, TaskKind>> = {
  'cross-entropy': 'classes',
  distillation: 'classes',
  focal: 'classes',
  hinge: 'classes',
  mse: 'values',
  mae: 'values',
  huber: 'values',
  cosine: 'values',
  'binary-cross-entropy': 'multi-label',
  'binary-focal': 'multi-label',
  ctc: 'sequences',
  triplet: 'embedding',
  hint: 'none',
  attention: 'none',
};

/** The task of a loss; of a sum the first term's that concerns the output. */
export function taskOf(loss: LossSpec): TaskKind {
  if (loss.kind !== 'sum') return taskOfKind[loss.kind];
  const ofOutput = loss.terms.filter((term) => term.of === undefined).map((term) => taskOf(term.loss));
  return ofOutput.find((task) => task !== 'none') ?? 'none';
}

/** The term of a loss that compares classes with labels, where there is one. */
export function labelTerm(loss: LossSpec): LossSpec | undefined {
  if (loss.kind !== 'sum') return taskOfKind[loss.kind] === 'classes' ? loss : undefined;
  return loss.terms.flatMap((term) => (term.of === undefined ? (labelTerm(term.loss) ?? []) : []))[0];
}

/** How the classes of an output lie, and which label counts for nothing. */
export interface ClassLayout {
  /** Shape of one output: [classes], or with positions before or behind the classes. */
  readonly shape: readonly number[];
  readonly axis: 'second' | 'last';
  readonly ignore?: number;
}

export function classLayout(loss: LossSpec, shape: readonly number[]): ClassLayout {
  const term = labelTerm(loss);
  if (term?.kind !== 'cross-entropy') return { shape, axis: 'second' };
  return { shape, axis: term.classAxis ?? 'second', ignore: term.ignoreIndex };
}

/** Classes, and positions of each sample. */
export function extentOf({ shape, axis }: ClassLayout): { classes: number; positions: number } {
  const size = shape.reduce((a, b) => a * b, 1);
  const classes = (axis === 'last' ? shape.at(-1) : shape[0]) ?? 1;
  return { classes, positions: size / classes };
}

/**
 * Calls `visit` with the place of the largest logit of every sample and position, the first of equals.
 * @param outputs [samples, ...shape]
 */
export function eachLargest(
  outputs: Float32Array,
  layout: ClassLayout,
  visit: (index: number, largest: number) => void,
): void {
  const { classes, positions } = extentOf(layout);
  const [step, stride] = layout.axis === 'last' ? [1, classes] : [positions, 1];
  const samples = outputs.length / (classes * positions);
  for (let sample = 0, index = 0; sample < samples; sample++) {
    for (let position = 0; position < positions; position++, index++) {
      const base = sample * classes * positions + position * stride;
      let best = 0;
      for (let c = 1; c < classes; c++) if (outputs[base + c * step]! > outputs[base + best * step]!) best = c;
      visit(index, best);
    }
  }
}
