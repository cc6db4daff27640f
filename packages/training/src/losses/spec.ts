/** What can be minimised, as data, and what each loss reads besides the network. */

/** Labels, per sample or per position. */
interface ClassTargets {
  /** Share of each label that is spread evenly over all classes. */
  readonly labelSmoothing?: number;
  /** Factor of each class; the mean is then weighted by the labels' factors. */
  readonly classWeights?: readonly number[];
  /** Samples or positions with this label count for nothing. */
  readonly ignoreIndex?: number;
  /** Axis of the classes where an output has positions: [batch, classes, ...positions] unless told that they come last. */
  readonly classAxis?: 'second' | 'last';
  /** Targets are shares of the classes [batch, classes] instead of labels, as mixing samples makes them. */
  readonly soft?: boolean;
}

export type LossSpec =
  /** Mean of -sum(target * log softmax(logits)), in nats, over samples (and positions). */
  | ({ readonly kind: 'cross-entropy' } & ClassTargets)
  /**
   * (1 - alpha) * T^2 * KL(softmax(teacher / T) || softmax(logits / T)) + alpha * cross-entropy
   * (Hinton, Vinyals and Dean 2015, arXiv:1503.02531; T^2 keeps the soft gradients' size as T grows).
   */
  | {
      readonly kind: 'distillation';
      readonly temperature: number;
      readonly alpha: number;
      readonly labelSmoothing?: number;
      /** The value of the graph that holds the teacher's logits; they are fed as `step.teacher_logits` when absent. */
      readonly teacher?: string;
    }
  /** Mean over all elements of (output - target)^2. */
  | { readonly kind: 'mse' }
  /** Mean over all elements of |output - target|. */
  | { readonly kind: 'mae' }
  /** Mean over all elements of d^2 / 2 where |d| <= delta, of delta * (|d| - delta / 2) elsewhere (Huber 1964). */
  | { readonly kind: 'huber'; readonly delta?: number }
  /** Mean binary cross-entropy of logits against targets from 0 to 1; `positiveWeight` multiplies the target's part. */
  | { readonly kind: 'binary-cross-entropy'; readonly positiveWeight?: number }
  /**
   * Mean of -a_y * (1 - p_y)^gamma * log p_y with p the softmax of the logits [batch, classes]
   * (Lin et al. 2017, arXiv:1708.02002); `alpha` holds a factor for each class.
   */
  | { readonly kind: 'focal'; readonly gamma?: number; readonly alpha?: readonly number[] }
  /** The same for logits against targets 0 and 1: `alpha` weighs the ones, 1 - alpha the zeros. */
  | { readonly kind: 'binary-focal'; readonly gamma?: number; readonly alpha?: number }
  /** Mean over the batch of sum over i != y of max(0, margin - x_y + x_i)^power / classes. */
  | { readonly kind: 'hinge'; readonly margin?: number; readonly power?: 1 | 2 }
  /** Mean over the batch of 1 - cosine(output, target). */
  | { readonly kind: 'cosine' }
  /**
   * max(0, |a - p| - |a - n| + margin), mean over all triplets of a batch in which a and p are different samples with one
   * label and n has another ("batch all", Hermans, Beyer and Leibe 2017, arXiv:1703.07737). Output [batch, width].
   */
  | { readonly kind: 'triplet'; readonly margin?: number }
  /**
   * Connectionist temporal classification (Graves et al. 2006) of logits [batch, time, classes]: mean over the batch of
   * -log p(labels) / length. Labels are [batch, labels] filled up with -1.
   */
  | { readonly kind: 'ctc'; readonly labels: number; readonly blank?: number }
  /** Mean over all elements of (student - teacher)^2 of two values of the graph (FitNets, arXiv:1412.6550). */
  | { readonly kind: 'hint'; readonly student: string; readonly teacher: string }
  /**
   * Mean squared difference of attention maps: the squares of [batch, channels, ...positions] summed over channels and
   * brought to length 1 (Zagoruyko and Komodakis 2016, arXiv:1612.03928, activation-based, p = 2).
   */
  | { readonly kind: 'attention'; readonly student: string; readonly teacher: string }
  /**
   * Weighted sum; a term reads the trained output, or the value that `of` names, and compares it with the samples' targets, or
   * with those that `target` names.
   */
  | { readonly kind: 'sum'; readonly terms: readonly LossTerm[] };

export interface LossTerm {
  readonly weight: number;
  readonly loss: LossSpec;
  /** A value of the graph, such as another output; logits where that output ends in a Softmax. */
  readonly of?: string;
  /** Which of the samples' `namedTargets` the term compares with. */
  readonly target?: string;
}

export type LossKind = LossSpec['kind'];
export type LossOf<K extends LossKind> = Extract<LossSpec, { readonly kind: K }>;

/** Names of the graph inputs that losses read. */
export const LABELS = 'step.labels';
export const TEACHER_LOGITS = 'step.teacher_logits';
export const TARGET = 'step.target';

/** What a batch must bring: class indices, target values of the output's shape, the teacher's logits. */
export type LossInput = 'labels' | 'target' | 'teacher';

const inputNames: Readonly<Record<LossInput, string>> = {
  labels: LABELS,
  target: TARGET,
  teacher: TEACHER_LOGITS,
};

const readsOf: { readonly [K in Exclude<LossKind, 'sum' | 'distillation'>]: readonly LossInput[] } = {
  'cross-entropy': ['labels'],
  mse: ['target'],
  mae: ['target'],
  huber: ['target'],
  'binary-cross-entropy': ['target'],
  focal: ['labels'],
  'binary-focal': ['target'],
  hinge: ['labels'],
  cosine: ['target'],
  triplet: ['labels'],
  ctc: ['labels'],
  hint: [],
  attention: [],
};

/** What a loss reads besides the network's own values and named targets, each once. */
export function lossReads(spec: LossSpec): readonly LossInput[] {
  if (spec.kind === 'sum') {
    const plain = spec.terms.filter((term) => term.target === undefined);
    return [...new Set(plain.flatMap((term) => lossReads(term.loss)))];
  }
  if (spec.kind === 'distillation') return spec.teacher === undefined ? ['labels', 'teacher'] : ['labels'];
  if (spec.kind === 'cross-entropy' && spec.soft) return ['target'];
  return readsOf[spec.kind];
}

/** The graph inputs of `lossReads`, and those of the terms that name their targets. */
export function lossInputs(spec: LossSpec): readonly string[] {
  if (spec.kind !== 'sum') return lossReads(spec).map((what) => inputNames[what]);
  const all = spec.terms.flatMap(({ loss, target }) => lossInputs(loss).map((name) => namedInput(name, target)));
  return [...new Set(all)];
}

/** The graph input in which a term finds its targets: `step.labels`, or `step.labels.NAME`. */
export const namedInput = (name: string, target: string | undefined): string =>
  target === undefined ? name : `${name}.${target}`;

/** The named targets that a graph input is for, if any. */
export function targetOf(input: string): string | undefined {
  const kind = [LABELS, TARGET].find((known) => input.startsWith(`${known}.`));
  return kind && input.slice(kind.length + 1);
}

/** The same loss of values that are called otherwise. */
export function renameValues(spec: LossSpec, rename: (value: string) => string): LossSpec {
  if (spec.kind === 'hint' || spec.kind === 'attention') return { ...spec, student: rename(spec.student) };
  if (spec.kind !== 'sum') return spec;
  const terms = spec.terms.map((term) => ({
    ...term,
    loss: renameValues(term.loss, rename),
    ...(term.of !== undefined && { of: rename(term.of) }),
  }));
  return { ...spec, terms };
}

/** Values of the graph, besides the output, that a loss reads. */
export function valuesRead(spec: LossSpec): readonly string[] {
  if (spec.kind === 'sum') {
    return [...new Set(spec.terms.flatMap((term) => [...(term.of ? [term.of] : []), ...valuesRead(term.loss)]))];
  }
  if (spec.kind === 'hint' || spec.kind === 'attention') return [spec.student, spec.teacher];
  return spec.kind === 'distillation' && spec.teacher !== undefined ? [spec.teacher] : [];
}
