/** From a batch to the tensors that a training graph reads. */
import { elementCount, float32, type DataType, type Model, type Tensor } from '@verge/onnx';
import { mixRows, type Mix } from '@verge/data/augment';
import { TrainingError } from '../errors.js';
import { LABELS, TARGET, targetOf, TEACHER_LOGITS } from '../losses.js';
import type { TargetValues } from '../samples.js';
import type { NetworkInput } from './prepare.js';

/** A batch as a step reads it. */
export interface Batch {
  readonly x: NetworkInput;
  /** Class indices: one for each sample, or as many as the loss reads for each. */
  readonly labels?: Int32Array;
  /** [rows, ...], as large as the network's output. */
  readonly targets?: Float32Array;
  readonly teacherLogits?: Float32Array;
  /** What goes into the network's further inputs, by name. */
  readonly inputs?: Readonly<Record<string, NetworkInput>>;
  /** What terms of the loss compare with that name their targets. */
  readonly namedTargets?: Readonly<Record<string, TargetValues>>;
  /** How samples were mixed with each other. */
  readonly mix?: Mix;
}

export interface Port {
  readonly dtype: DataType;
  readonly shape: readonly number[];
}

/** The inputs of a graph whose shapes are known. */
export function portsOf({ graph }: Model): ReadonlyMap<string, Port> {
  const ports = new Map<string, Port>();
  for (const { name, type } of graph.inputs) {
    if (type?.kind !== 'tensor' || !type.dtype || !type.shape) continue;
    ports.set(name, { dtype: type.dtype, shape: type.shape.map((d) => (typeof d === 'number' ? d : 0)) });
  }
  return ports;
}

function missing(what: string): TrainingError {
  return new TrainingError('bad-samples', `the loss compares with ${what}, and the samples bring none`);
}

function sized<T extends ArrayLike<unknown>>(what: string, values: T, shape: readonly number[]): T {
  if (values.length === elementCount(shape)) return values;
  throw new TrainingError(
    'bad-samples',
    `${what}: a batch holds ${values.length} elements, the training graph reads [${shape.join(', ')}]`,
  );
}

/** Class indices as rows of ones and zeros, mixed like the samples. */
export function softLabels(labels: Int32Array, shape: readonly number[], mix: Mix): Float32Array {
  const classes = elementCount(shape) / labels.length;
  const hot = new Float32Array(labels.length * classes);
  labels.forEach((label, i) => (hot[i * classes + label] = 1));
  return mixRows(hot, classes, mix);
}

function targetsOf(batch: Batch, shape: readonly number[]): Float32Array {
  const rows = shape[0]!;
  const { x, targets, labels, mix } = batch;
  if (targets) return mix ? mixRows(targets, targets.length / rows, mix) : targets;
  if (mix && labels) return softLabels(labels, shape, mix);
  // Without targets a network learns to reproduce its input.
  if (x instanceof Float32Array && x.length === elementCount(shape)) return x;
  throw missing('target values');
}

export function inputTensor(x: NetworkInput, shape: readonly number[]): Tensor {
  if (x instanceof Float32Array) return float32(shape, x);
  if (x instanceof Uint8Array) return { dtype: 'bool', dims: [...shape], data: x };
  return x instanceof Int32Array
    ? { dtype: 'int32', dims: [...shape], data: x }
    : { dtype: 'int64', dims: [...shape], data: x };
}

/** What a term of the loss reads that names its targets. */
function namedTarget(batch: Batch, name: string, port: Port): Tensor {
  const own = targetOf(name)!;
  const values = batch.namedTargets?.[own];
  if (!values) throw missing(`the targets '${own}'`);
  const what = `namedTargets.${own}`;
  const data = sized(what, values, port.shape);
  if (port.dtype === 'int32' && data instanceof Int32Array) return { dtype: 'int32', dims: [...port.shape], data };
  if (port.dtype === 'float32' && data instanceof Float32Array) return float32(port.shape, data);
  const wanted = port.dtype === 'int32' ? 'class indices (Int32Array)' : 'numbers (Float32Array)';
  throw new TrainingError('bad-samples', `${what}: the loss compares with ${wanted}`);
}

/**
 * @param input name of the network's main input
 * @throws TrainingError `bad-samples` when the batch lacks what the loss reads, or has another size
 */
export function feedsOf(batch: Batch, input: string, ports: ReadonlyMap<string, Port>): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [name, port] of ports) {
    const further = batch.inputs?.[name];
    if (name === input) feeds[name] = inputTensor(sized('x', batch.x, port.shape), port.shape);
    else if (further) feeds[name] = inputTensor(sized(`inputs.${name}`, further, port.shape), port.shape);
    else if (targetOf(name) !== undefined) feeds[name] = namedTarget(batch, name, port);
    else if (name === LABELS) {
      if (!batch.labels) throw missing('labels');
      feeds[name] = { dtype: 'int32', dims: [...port.shape], data: sized('labels', batch.labels, port.shape) };
    } else if (name === TARGET)
      feeds[name] = float32(port.shape, sized('targets', targetsOf(batch, port.shape), port.shape));
    else if (name === TEACHER_LOGITS) {
      if (!batch.teacherLogits) throw missing("a teacher's logits");
      feeds[name] = float32(port.shape, sized('teacherLogits', batch.teacherLogits, port.shape));
    }
  }
  return feeds;
}
