/** Which output of a classifier says the class. */
import { RuntimeError } from '../errors.js';

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
function kindOf(port: OutputPort): ClassOutput['kind'] | null {
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

/**
 * The output of that name, or the one that `classOutput` finds.
 * @throws RuntimeError `bad-output` listing the outputs where there is none
 */
export function chosenOutput(outputs: readonly OutputPort[], wanted: string | undefined, classes: number): ClassOutput {
  const port = outputs.find((o) => o.name === wanted);
  const kind = port ? kindOf(port) : null;
  const found = wanted === undefined ? classOutput(outputs, classes) : port && kind && { name: port.name, kind };
  if (found) return found;
  const list = outputs.map((o) => `'${o.name}' ${o.dtype} [${o.shape.map((d) => (d === '' ? '?' : d)).join(', ')}]`);
  const what = wanted === undefined ? 'no output' : port ? `'${wanted}'` : `no output '${wanted}'`;
  throw new RuntimeError(
    'bad-output',
    `${what} ${port || wanted === undefined ? 'says classes: float scores [N, classes], or string or integer labels [N]' : 'is there'}; the outputs are ${list.join(', ')}`,
  );
}
