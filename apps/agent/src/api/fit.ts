/**
 * Whether a request fits the model, as far as the manifest says, before anything runs: what does not fit is the caller's
 * mistake. Where the manifest leaves an axis free only the graph itself can tell, see failure.ts.
 */
import type { Tensor } from '@verge/onnx';
import { AgentError } from '../errors.js';
import { isScored } from './classify.js';
import type { RequestOutput } from './request.js';
import { oipName } from './tensors.js';
import type { ModelDescription } from '../served-model.js';

type Spec = ModelDescription['inputs'][number];

const listed = (specs: readonly Spec[]): string => specs.map(({ name }) => name).join(', ');

/** A shape as people read it: free axes are `n`. */
const spelled = (shape: readonly number[]): string => `[${shape.map((axis) => (axis === -1 ? 'n' : axis)).join(', ')}]`;

function problemOf(spec: Spec, tensor: Tensor | undefined): string | null {
  const wanted = `${oipName(spec.dtype)} ${spelled(spec.shape)}`;
  if (!tensor) return `inputs ${spec.name}: missing, expected ${wanted}`;
  if (tensor.dtype !== spec.dtype) return `inputs ${spec.name}: is ${oipName(tensor.dtype)}, expected ${wanted}`;
  // A shape of no axes is a scalar's, or one that the model does not declare.
  if (spec.shape.length === 0) return null;
  const { dims } = tensor;
  const fits = dims.length === spec.shape.length && spec.shape.every((axis, i) => axis === -1 || axis === dims[i]);
  if (!fits) return `inputs ${spec.name}: has the shape ${spelled(dims)}, expected ${wanted}`;
  return dims.includes(0) ? `inputs ${spec.name}: the shape ${spelled(dims)} has no elements` : null;
}

/** A line for every feed that is missing, unknown, of the wrong type or of the wrong shape. */
export function feedProblems(feeds: Readonly<Record<string, Tensor>>, { inputs }: ModelDescription): string[] {
  const problems = inputs.map((spec) =>
    problemOf(spec, Object.hasOwn(feeds, spec.name) ? feeds[spec.name] : undefined),
  );
  const unknown = Object.keys(feeds).filter((name) => !inputs.some((spec) => spec.name === name));
  return [
    ...problems.filter((problem) => problem !== null),
    ...unknown.map((name) => `inputs ${name}: not an input; the inputs are ${listed(inputs)}`),
  ];
}

/** @throws AgentError `REQUEST_INVALID` naming every output that the model does not have or that has no class scores */
export function checkWanted(wanted: readonly RequestOutput[] | null, { outputs }: ModelDescription): void {
  const bad = (wanted ?? []).flatMap(({ name, classification }) => {
    const spec = outputs.find((output) => output.name === name);
    if (!spec) return [`outputs ${name}: not an output; the outputs are ${listed(outputs)}`];
    if (classification === null || isScored(spec.dtype)) return [];
    return [`outputs ${name}: classification: ${oipName(spec.dtype)} holds no class scores`];
  });
  if (bad.length > 0) throw new AgentError('REQUEST_INVALID', bad.join('; '));
}
