/** A forward model made ready for differentiation: modern operators, one batch size, every shape known. */
import { inferShapes, OnnxError, valueTypes, type DataType, type Graph, type Model, type ValueInfo } from '@verge/onnx';
import { TrainingError, refuse } from './errors.js';
import { logitsModel } from './export.js';
import { modernize } from './modernize.js';
import { OPSET, type Shape } from './tape.js';

export interface StaticType {
  readonly shape: Shape;
  readonly dtype: DataType;
}

export interface Forward {
  readonly graph: Graph;
  /** The inputs that samples go to, the main one first. */
  readonly inputs: readonly string[];
  /** The output that the loss reads: logits where the model ends in a Softmax. */
  readonly output: string;
  readonly types: ReadonlyMap<string, StaticType>;
}

/** The shape of an input with the first axis set to the batch; other unknown axes are refused. */
function bindBatch(info: ValueInfo, batch: number, problems: string[]): ValueInfo {
  if (info.type?.kind !== 'tensor' || !info.type.shape || !info.type.dtype) {
    problems.push(`input '${info.name}' is no tensor of known rank`);
    return info;
  }
  const shape = info.type.shape.map((d, i) => (i === 0 ? batch : d));
  const open = shape.filter((d) => typeof d !== 'number');
  if (open.length > 0) problems.push(`input '${info.name}' has open dimensions besides the batch`);
  return { ...info, type: { ...info.type, shape } };
}

/** Value names that this package's graphs use for themselves; `fit` trains models that have such under other names. */
export const RESERVED = /^(t|step|next|gradient|lifted)\./;

function check(model: Model, inputs: readonly ValueInfo[]): string[] {
  const problems: string[] = [];
  if (model.functions.length > 0) {
    const names = model.functions.map((f) => f.name).slice(0, 3);
    const which = `it defines the functions ${names.join(', ')}`;
    problems.push(`${which}: inlineFunctions writes out those whose operators mean the same in its own operator sets`);
  }
  if (inputs.length === 0) problems.push('it has no input');
  if (model.graph.outputs.length === 0) problems.push('it has no output');
  if (model.graph.sparseInitializers.length > 0) problems.push('it has sparse initializers');
  for (const [name, stored] of model.graph.initializers) {
    if ('external' in stored.value) problems.push(`initializer '${name}' is stored in another file`);
  }
  const values = model.graph.nodes.flatMap((n) => n.outputs).concat([...model.graph.initializers.keys()]);
  const taken = values.filter((v) => RESERVED.test(v));
  if (taken.length > 0) problems.push(`value names ${taken.slice(0, 3).join(', ')} are reserved`);
  return problems;
}

/** The type of every tensor whose shape is known; a gradient that needs another one says so by name. */
export function staticTypes(model: Model): Map<string, StaticType> {
  let inferred: Model;
  try {
    inferred = inferShapes(model, { fresh: true });
  } catch (cause) {
    if (!(cause instanceof OnnxError)) throw cause;
    throw new TrainingError('bad-model', `the model's shapes do not agree: ${cause.message}`, { cause });
  }
  const types = valueTypes(inferred.graph);
  const found = new Map<string, StaticType>();
  for (const [name, type] of types) {
    if (type.kind !== 'tensor' || !type.dtype || !type.shape) continue;
    const shape = type.shape.filter((d) => typeof d === 'number');
    if (shape.length === type.shape.length) found.set(name, { shape, dtype: type.dtype });
  }
  return found;
}

/**
 * @param batch rows that every run will have
 * @param exact keeps the inputs' shapes as they are (for operators under test)
 * @throws TrainingError `bad-model` naming every reason
 */
export function prepareForward(model: Model, batch: number, exact = false): Forward {
  const { graph } = exact ? model : logitsModel(model);
  const inputs = graph.inputs.filter((i) => !graph.initializers.has(i.name));
  const problems = check(model, inputs);
  const bound = exact ? inputs : inputs.map((i) => bindBatch(i, batch, problems));
  refuse('bad-model', 'the model cannot be trained', problems);
  const modern = modernize({ ...model, graph: { ...graph, inputs: bound } });
  const types = staticTypes({ ...model, opsets: new Map([...model.opsets, ['', OPSET]]), graph: modern });
  return { graph: modern, inputs: bound.map((i) => i.name), output: modern.outputs[0]!.name, types };
}
