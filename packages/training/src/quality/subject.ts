/** A model that is to be measured: loaded, with what its file says of inputs, outputs and classes. */
import {
  carriedForm,
  classLabelsOf,
  describeEdgeChange,
  encodeModel,
  inferTypes,
  normalise,
  type EdgeChange,
  type Model,
  type ModelOpener,
  type OutputPort,
  type Session,
  type SessionFactory,
  type ValueInfo,
} from '@verge/onnx';
import { softmaxAxis } from './reads.js';

/** What a session of the runtime says of itself beside running. */
export interface OpenedSession extends Session {
  readonly inputs: readonly OutputPort[];
  readonly outputs: readonly OutputPort[];
  readonly changes: readonly EdgeChange[];
}

export interface Subject {
  readonly session: Session;
  readonly inputs: readonly OutputPort[];
  readonly outputs: readonly OutputPort[];
  /** Classes in the order of an output's scores, where a ZipMap named them. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
  /** Classes that the one classifier node of the model names. */
  readonly classes: readonly string[] | null;
  /** The axis over which an output's Softmax runs, where it ends in one. */
  readonly softmax: ReadonlyMap<string, number>;
  /** What was changed at the edges so that the model can be run, in words. */
  readonly notes: readonly string[];
}

function portOf({ name, type }: ValueInfo): OutputPort {
  if (type?.kind !== 'tensor') return { name, dtype: 'not-a-tensor', shape: [] };
  return { name, dtype: type.dtype ?? 'unknown', shape: (type.shape ?? []).map((d) => d ?? '') };
}

/**
 * Classes that the one classifier node of a model names. Only looked for where an output holds labels beside scores, as
 * exporters of classical models write it.
 */
function classesNamed(model: Model, outputs: readonly OutputPort[]): readonly string[] | null {
  if (outputs.every((port) => port.dtype !== 'string' && port.dtype !== 'int64')) return null;
  const lists = model.graph.nodes.flatMap((node) => [classLabelsOf(node) ?? []]);
  const named = new Map(lists.filter((list) => list.length > 0).map((list) => [list.join('\n'), list]));
  return named.size === 1 ? [...named.values()][0]! : null;
}

/** @param head of the model: its large tensors may be absent */
export function subjectOfSession(session: OpenedSession, head: Model): Subject {
  const { inputs, outputs, changes } = session;
  return {
    ...{ session, inputs, outputs },
    columns: new Map(changes.flatMap((c) => (c.kind === 'zipmap' ? [[c.output, c.labels] as const] : []))),
    classes: classesNamed(head, outputs),
    softmax: new Map(outputs.flatMap(({ name }) => softmaxAxis(head, name) ?? []).map((one) => [one.output, one.axis])),
    notes: changes.map(describeEdgeChange),
  };
}

/**
 * Loads a model in a form whose inputs and outputs can be handed over.
 * @param bytes of the same model, where they are there already
 * @param open used instead of `createSession`, where constants need not be in memory
 */
export async function openSubject(
  given: Model,
  createSession: SessionFactory,
  { bytes, threads, open }: { bytes?: Uint8Array; threads?: number; open?: ModelOpener } = {},
): Promise<Subject> {
  const { model, changes } = carriedForm(normalise(given).model);
  const how = { optimization: 'all' as const, ...(threads !== undefined && { threads }) };
  const session = open
    ? await open(model, how)
    : await createSession(bytes && changes.length === 0 ? bytes : encodeModel(model), how);
  // Outputs whose type the file leaves out are inferred: what reads as classes is decided by it.
  const typed = inferTypes(model, { onFailure: () => undefined }).model.graph;
  const inputs = model.graph.inputs.filter(({ name }) => session.inputNames.includes(name)).map(portOf);
  const outputs = typed.outputs.map(portOf);
  const opened: OpenedSession = {
    ...{ inputs, outputs, changes },
    ...{ inputNames: session.inputNames, outputNames: session.outputNames },
    run: (feeds, wanted, into) => session.run(feeds, wanted, into),
    release: () => session.release(),
  };
  return subjectOfSession(opened, model);
}
