/** Which outputs can be judged against what the samples say, as what; decided from the first run. */
import type { QualityTask } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { classKind, classOutput, type ClassOutput, type OutputPort, type Tensor } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import { ClassJudge } from './classification.js';
import type { Judge } from './judge.js';
import { LabelsJudge, PositionJudge, SequenceJudge } from './positions.js';
import { type ClassAxis, classAxis, isFloat } from './reads.js';
import type { Subject } from './subject.js';
import { ownInput, ownTargets, ValuesJudge } from './values.js';

export interface QualityAims {
  /** What the model is for, where it is known: it decides where samples and outputs allow for more than one reading. */
  readonly task?: QualityTask | 'other' | 'none';
  /** The output that is judged; chosen by type when absent. */
  readonly output?: string;
  /** Classes of the model in the order of its scores, where the model does not say them itself. */
  readonly classNames?: readonly string[];
}

/** An output as the first run gave it. */
interface Given {
  readonly name: string;
  readonly dtype: string;
  readonly dims: readonly number[];
}

export interface Plan {
  /** Makes a judge for each model that is measured. */
  readonly judges: readonly (() => Judge)[];
  /** Where the classes of an output lie, of those that read as classes. */
  axisOf(output: string): (dims: readonly number[]) => ClassAxis | null;
  /** Why something is not judged that the samples are labelled for. */
  readonly failures: readonly TrainingError[];
}

const list = (outputs: readonly Given[]): string =>
  outputs
    .map(({ name, dtype, dims }) => `'${name}' ${dtype} [${dims.map((d, i) => (i === 0 ? '?' : d)).join(', ')}]`)
    .join(', ');

const elements = (dims: readonly number[]): number => dims.slice(1).reduce((a, b) => a * b, 1);
const byElements = (dims: readonly number[]): ClassAxis | null =>
  elements(dims) < 2 ? null : { classes: elements(dims), stride: 1 };

/** Everything that a decision needs. */
interface Case {
  readonly outputs: readonly Given[];
  readonly rows: number;
  readonly samples: Samples;
  readonly subject: Subject;
  readonly aims: QualityAims;
}

const portsOf = (outputs: readonly Given[]): OutputPort[] =>
  outputs.map(({ name, dtype, dims }) => ({ name, dtype, shape: dims.map((d, i) => (i === 0 ? '' : d)) }));

/**
 * The output that says the class.
 * @throws TrainingError `bad-samples` listing the outputs where the one that was named says none, or is not there
 */
function saidClass({ outputs, samples, aims }: Case): ClassOutput | null {
  const ports = portsOf(outputs);
  const { output: wanted } = aims;
  if (wanted === undefined) return classOutput(ports, samples.labels.length);
  const port = ports.find((o) => o.name === wanted);
  const kind = port ? classKind(port) : null;
  if (port && kind) return { name: port.name, kind };
  throw new TrainingError(
    'bad-samples',
    `${port ? `'${wanted}' says no classes: expected float scores [N, classes], or string or integer labels [N]` : `there is no output '${wanted}'`}; the outputs are ${list(outputs)}`,
  );
}

/** Whether an output may give back what the model reads: of the shape of its input, and no probabilities. */
const mirrors = ({ rows, samples, subject }: Case, { name, dtype, dims }: Given): boolean =>
  isFloat(dtype) && dims.join() === [rows, ...samples.shape].join() && !subject.softmax.has(name);

function reconstruction(c: Case): Plan | null {
  const { aims, outputs, samples } = c;
  const found = outputs.find((o) => mirrors(c, o) && (aims.output === undefined || aims.output === o.name));
  if (!found) return null;
  const judge = (): Judge => new ValuesJudge(found.name, 'reconstruction', ownInput, samples.labels);
  return { judges: [judge], axisOf: () => () => null, failures: [] };
}

function classification(c: Case): Plan {
  const { outputs, samples, subject, aims } = c;
  const { labels } = samples;
  const said = saidClass(c);
  const given = outputs.find((o) => o.name === said?.name);
  const width = given ? elements(given.dims) : 0;
  const columns = said ? (subject.columns.get(said.name) ?? aims.classNames ?? subject.classes) : null;
  const counted = said?.kind === 'labels' || columns !== null || width === labels.length;
  // Numbers of the input's shape that are not as many as there are classes give it back.
  const back = !counted && aims.output === undefined ? reconstruction(c) : null;
  if (back) return back;
  if (!said)
    throw new TrainingError(
      'bad-samples',
      `no output says classes: float scores [N, classes], or string or integer labels [N]; the outputs are ${list(outputs)}`,
    );
  const axis = said.kind === 'scores' ? byElements : (): null => null;
  return {
    judges: [() => new ClassJudge(said, { labels, columns })],
    axisOf: (output) => (output === said.name ? axis : () => null),
    failures: [],
  };
}

/** Classes by position: behind the batch or at the end, as many positions as there are targets. */
function positionAxis(dims: readonly number[], positions: number): ClassAxis | null {
  for (const at of [1, -1]) {
    const axis = dims.length > 2 ? classAxis(dims, at) : null;
    if (axis && axis.classes * positions === elements(dims)) return axis;
  }
  return null;
}

/** What targets are, where nobody said: by their type, their values and the shape of the output. */
function taskOfTargets({ aims, samples }: Case, dims: readonly number[], width: number): QualityTask {
  const { task } = aims;
  if (task && !['classification', 'other', 'none', 'reconstruction', 'anomaly'].includes(task))
    return task as QualityTask;
  const values = samples.targets!;
  const whole = values instanceof Int32Array;
  if (whole && (positionAxis(dims, width) || elements(dims) === width) && dims.length > 2) return 'segmentation';
  const binary = width > 1 && values.every((v) => v === 0 || v === 1);
  return binary ? 'multi-label' : 'regression';
}

function byTargets(c: Case): Plan {
  const { outputs, samples, aims } = c;
  const width = samples.targets!.length / samples.y.length;
  const fits = ({ dims, dtype, name }: Given): boolean =>
    (aims.output === undefined || aims.output === name) &&
    (aims.task === 'sequence' ? dims.length === 3 : elements(dims) === width || positionAxis(dims, width) !== null) &&
    (isFloat(dtype) || samples.targets instanceof Int32Array);
  const found = outputs.find(fits);
  if (!found)
    throw new TrainingError(
      'bad-samples',
      `no output fits the targets, ${width} for each sample; the outputs are ${list(outputs)}`,
    );
  const task = taskOfTargets(c, found.dims, width);
  const none = (): null => null;
  const axis = {
    segmentation: (dims: readonly number[]) => positionAxis(dims, width),
    sequence: (dims: readonly number[]) => classAxis(dims, -1),
  }[task as string];
  const judge = (): Judge => {
    if (task === 'segmentation') return new PositionJudge(found.name, axis!, samples.labels.length);
    if (task === 'sequence') return new SequenceJudge(found.name);
    if (task === 'multi-label') return new LabelsJudge(found.name);
    return new ValuesJudge(found.name, task, ownTargets);
  };
  return { judges: [judge], axisOf: (output) => (output === found.name ? (axis ?? none) : none), failures: [] };
}

/** Which output is judged; nothing where the samples say nothing of what is right. */
function judged(c: Case): Plan {
  const { samples, aims } = c;
  if (aims.task === 'none') return { judges: [], axisOf: () => () => null, failures: [] };
  if (samples.targets) return byTargets(c);
  const labelled = samples.labels.length > 0;
  if (aims.task === 'reconstruction' || aims.task === 'anomaly' || (!labelled && (aims.task ?? 'other') === 'other'))
    return reconstruction(c) ?? { judges: [], axisOf: () => () => null, failures: [] };
  if (labelled && ['classification', 'other', undefined].includes(aims.task)) return classification(c);
  return { judges: [], axisOf: () => () => null, failures: [] };
}

/** @param first what the source model gave for the first `rows` samples */
export function planOf(
  subject: Subject,
  first: Readonly<Record<string, Tensor>>,
  rows: number,
  samples: Samples,
  aims: QualityAims,
): Plan {
  const outputs = Object.entries(first).map(([name, { dtype, dims }]): Given => ({ name, dtype, dims }));
  const c: Case = { outputs, rows, samples, subject, aims };
  let plan: Plan;
  try {
    plan = judged(c);
    for (const make of plan.judges) make();
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    plan = { judges: [], axisOf: () => () => null, failures: [error] };
  }
  // What ends in a Softmax reads as classes whether there are labels or not; so does what a classifier says.
  const said = aims.task === 'classification' ? classOutput(portsOf(outputs)) : null;
  const axisOf = (output: string) => {
    const own = plan.axisOf(output);
    const softmax = subject.softmax.get(output);
    return (dims: readonly number[]): ClassAxis | null =>
      own(dims) ??
      (softmax === undefined ? null : classAxis(dims, softmax)) ??
      (said?.name === output && said.kind === 'scores' && dims.length === 2 ? byElements(dims) : null);
  };
  return { ...plan, axisOf };
}
