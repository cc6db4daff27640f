/**
 * A teacher that runs inside the student's training step: frozen, in its inference form, on the same input. Losses may then
 * compare inner values of both, through projections that are trained along and left out of what is exported.
 */
import { elementCount, float32, type Model, type Node, type StoredTensor } from '@verge/onnx';
import { refuse } from './errors.js';
import { logitsModel } from './export.js';
import { prepareForward, type Forward, type StaticType } from './forward.js';
import type { ParameterRole } from './parameters.js';
import { Random } from './random.js';
import { renameForward } from './renaming.js';
import type { Shape } from './tape.js';

/** Turns a value of the student into one shaped as a value of the teacher. */
export interface Projection {
  readonly student: string;
  readonly teacher: string;
}

export interface Companion {
  /** Its first input is shaped as the student's, and others are called as the student's are. */
  readonly model: Model;
  readonly projections?: readonly Projection[];
  /** Of the projections' initial weights; 1 when absent. */
  readonly seed?: number;
}

const PREFIX = 'step.teacher.';

/** The name that a value of the teacher has in the training graph. */
export const companionValue = (name: string): string => PREFIX + name;

/** The name of the teacher's logits in the training graph. */
export const companionLogits = ({ model }: Companion): string =>
  companionValue(logitsModel(model).graph.outputs[0]?.name ?? '');

/** The name of what a projection makes. */
export const projectionValue = (index: number): string => `step.projection.${index}`;

/** What joins the student's graph. */
export interface Joined {
  /** In order, before the projections; no gradient flows into them. */
  readonly frozen: readonly Node[];
  readonly projections: readonly Node[];
  readonly constants: ReadonlyMap<string, StoredTensor>;
  /** Initial values of what is trained along. */
  readonly added: ReadonlyMap<string, StoredTensor>;
  readonly roles: ReadonlyMap<string, ParameterRole>;
  readonly types: ReadonlyMap<string, StaticType>;
}

/** The axis along which a projection mixes: the one that differs, else the channels of maps and the width of the rest. */
function mixedAxis(from: Shape, to: Shape): number | undefined {
  if (from.length !== to.length || from.length < 2) return undefined;
  const last = from.length - 1;
  const differing = from.map((_, i) => i).filter((i) => from[i] !== to[i]);
  if (differing.length > 1) return undefined;
  const axis = differing[0] ?? (from.length > 3 ? 1 : last);
  return axis === 1 || axis === last ? axis : undefined;
}

interface Written {
  readonly nodes: readonly Node[];
  readonly added: readonly StoredTensor[];
}

function node(op: string, inputs: readonly string[], output: string): Node {
  return { op, domain: '', name: '', inputs: [...inputs], outputs: [output], attributes: new Map() };
}

/** A 1x1 convolution over axis 1, or a matrix product over the last axis, with a bias; Glorot's uniform weights. */
function writeProjection(
  index: number,
  from: string,
  shapes: readonly [Shape, Shape],
  axis: number,
  seed: number,
): Written {
  const [source, target] = shapes;
  const [inside, outside] = [source[axis]!, target[axis]!];
  const output = projectionValue(index);
  const overChannels = axis === 1 && source.length > 2;
  const dims = overChannels ? [outside, inside, ...source.slice(2).map(() => 1)] : [inside, outside];
  const random = new Random(seed, 'projection', index);
  const bound = Math.sqrt(6 / (inside + outside));
  const values = Float32Array.from({ length: elementCount(dims) }, () => random.uniform(-bound, bound));
  const weight = { name: `${output}.weight`, value: float32(dims, values) };
  const bias = { name: `${output}.bias`, value: float32([outside], new Float32Array(outside)) };
  const added = [weight, bias];
  if (overChannels) return { nodes: [node('Conv', [from, weight.name, bias.name], output)], added };
  const product = `${output}.product`;
  return { nodes: [node('MatMul', [from, weight.name], product), node('Add', [product, bias.name], output)], added };
}

/**
 * Prepares a teacher for the batch of a student.
 * @throws TrainingError `bad-options` naming every value that is unknown or cannot be projected, `bad-model` as
 *   `prepareForward`
 */
export function joinCompanion(companion: Companion, student: Forward, batch: number): Joined {
  const teacher = prepareForward(companion.model, batch);
  const [main, ...others] = teacher.inputs;
  const shared = new Map([[main!, student.inputs[0]!], ...others.map((name) => [name, name] as const)]);
  const own = renameForward(teacher, (v) => shared.get(v) ?? companionValue(v));
  const types = new Map(own.types);
  const added = new Map<string, StoredTensor>();
  const roles = new Map<string, ParameterRole>();
  const nodes: Node[] = [];
  const problems: string[] = [];
  for (const [from, to] of shared) {
    const [mine, theirs] = [student.inputs.includes(to) ? student.types.get(to) : undefined, teacher.types.get(from)];
    if (!mine) problems.push(`the teacher also reads '${from}', which the student does not`);
    else if (mine.shape.join() !== theirs?.shape.join() || mine.dtype !== theirs.dtype)
      problems.push(`the teacher reads [${theirs?.shape.join(', ')}], the student [${mine.shape.join(', ')}]`);
  }
  (companion.projections ?? []).forEach((projection, i) => {
    const from = student.types.get(projection.student);
    const to = teacher.types.get(projection.teacher);
    if (!from) problems.push(`the student has no value '${projection.student}' of known shape`);
    if (!to) problems.push(`the teacher has no value '${projection.teacher}' of known shape`);
    if (!from || !to) return;
    const axis = mixedAxis(from.shape, to.shape);
    if (axis === undefined) {
      const shapes = `[${from.shape.join(', ')}] to [${to.shape.join(', ')}]`;
      problems.push(
        `'${projection.student}' cannot be projected from ${shapes}: one axis, the channels or the last, may differ`,
      );
      return;
    }
    const written = writeProjection(i, projection.student, [from.shape, to.shape], axis, companion.seed ?? 1);
    nodes.push(...written.nodes);
    for (const stored of written.added) {
      added.set(stored.name, stored);
      roles.set(stored.name, stored.name.endsWith('.bias') ? 'bias' : 'weight');
      types.set(stored.name, { shape: stored.value.dims, dtype: 'float32' });
    }
    for (const n of written.nodes) types.set(n.outputs[0]!, { shape: to.shape, dtype: 'float32' });
  });
  refuse('bad-options', 'the teacher does not fit the student', problems);
  const { nodes: frozen, initializers: constants } = own.graph;
  return { frozen, projections: nodes, constants, added, roles, types };
}
