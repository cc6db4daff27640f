/** What ONNX Runtime says of a loaded model, with the preprocessing and the labels that were given for it. */
import { TensorSpec, type Preprocess } from '@verge/contracts';
import type { Tensor } from '@verge/onnx';
import { classOutput, type Port } from '@verge/runtime';
import { feedProblems } from '../api/fit.js';
import { sampleType } from '../api/sample-type.js';
import { AgentError } from '../errors.js';
import type { ModelDescription } from '../served-model.js';

/** What a person says of a model beside its file. */
export interface ModelGiven {
  name: string;
  preprocess: Preprocess | null;
  /** Null where none were given. */
  labels: readonly string[] | null;
}

interface Loaded {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** Sizes with a name, and those without, are free. */
function specOf({ name, dtype, shape }: Port): TensorSpec {
  const type = TensorSpec.shape.dtype.safeParse(dtype);
  if (!type.success) throw new AgentError('MODEL_REFUSED', `'${name}' is ${dtype}, which is no tensor that is served`);
  return { name, dtype: type.data, shape: shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1)) };
}

/** What does not fit, found before anything is asked of the model. */
function problemsOf({ preprocess, labels }: ModelGiven, description: ModelDescription): string[] {
  const { inputs, outputs } = description;
  const problems: string[] = [];
  if (preprocess && inputs.length !== 1) {
    const names = inputs.map(({ name }) => name).join(', ');
    problems.push(`preprocessing gives one tensor, the model has ${inputs.length} inputs (${names})`);
  } else if (preprocess) {
    const [input] = inputs as [TensorSpec];
    const count = Math.max(1, input.shape[0] ?? 1);
    const dims = [count, ...preprocess.output.shape];
    const sample = { dtype: sampleType(preprocess, input), dims, data: [] } as unknown as Tensor;
    problems.push(...feedProblems({ [input.name]: sample }, description).map((one) => `preprocessing: ${one}`));
  }
  const chosen = classOutput(outputs);
  const classes = outputs.find(({ name }) => name === chosen?.name)?.shape.at(-1) ?? -1;
  if (labels && chosen?.kind === 'scores' && classes >= 0 && classes !== labels.length)
    problems.push(`labels: there are ${labels.length}, the output ${chosen.name} has ${classes} classes`);
  return problems;
}

/** @throws AgentError `MODEL_REFUSED` for inputs and outputs that cannot be served, `GIVEN_UNFIT` naming all that does not fit */
export function describe(given: ModelGiven, loaded: Loaded): ModelDescription {
  if (loaded.inputs.length === 0) throw new AgentError('MODEL_REFUSED', 'the model has no inputs to ask it with');
  const description: ModelDescription = {
    model: given.name,
    version: 1,
    task: given.labels ? 'classification' : 'other',
    inputs: loaded.inputs.map(specOf),
    outputs: loaded.outputs.map(specOf),
    preprocess: given.preprocess,
    labels: [...(given.labels ?? [])],
  };
  const problems = problemsOf(given, description);
  if (problems.length > 0) throw new AgentError('GIVEN_UNFIT', problems.join('; '));
  return description;
}
