/** Which output of a classifier says the class. */
/** What is known of an output: a size is a number, or -1, a symbol or '' where it is open. */
export interface OutputPort {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

export interface ClassOutput {
  readonly name: string;
  /** Numbers, one for each class, the largest of which says the class; or the class itself. */
  readonly kind: 'scores' | 'labels';
}

const floats: readonly string[] = ['float32', 'float64', 'float16', 'bfloat16'];
const named: readonly string[] = ['string', 'int64', 'int32'];

/** A rank of 0 may be one that is unknown. One score a sample says nothing of classes. */
function mayBeScores({ dtype, shape }: OutputPort): boolean {
  return floats.includes(dtype) && shape.length !== 1 && (shape.length < 2 || shape.at(-1) !== 1);
}

/** One label a sample: [N], or [N, 1]. */
function mayBeLabels({ dtype, shape }: OutputPort): boolean {
  return named.includes(dtype) && (shape.length < 2 || (shape.length === 2 && shape[1] === 1));
}

/** What kind an output is; null when it can say no class. */
export function classKind(port: OutputPort): ClassOutput['kind'] | null {
  if (mayBeScores(port)) return 'scores';
  return mayBeLabels(port) ? 'labels' : null;
}

/**
 * The output that says the class, by type: the first of floats with an axis of classes, preferably of as many as there are
 * classes; else the first of labels, strings or integers.
 * @param classes how many there are, where that is known
 * @returns null where no output is of such a type
 */
export function classOutput(outputs: readonly OutputPort[], classes?: number): ClassOutput | null {
  const scores = outputs.filter(mayBeScores);
  const fitting = scores.find(({ shape }) => shape.length > 1 && shape.at(-1) === classes) ?? scores[0];
  if (fitting) return { name: fitting.name, kind: 'scores' };
  const labels = outputs.find(mayBeLabels);
  return labels ? { name: labels.name, kind: 'labels' } : null;
}
