/**
 * A training step cut in two, so that something can happen to the gradient in between: sums over micro-batches, sums over
 * replicas, compression on its way. The halves are the ones that `buildTrainingModel` joins.
 */
import type { Model } from '@verge/onnx';
import { slotsOf, trainableBy } from './optimizers.js';
import type { Layout, Parameter } from './parameters.js';
import {
  finish,
  PARAMETERS,
  publish,
  publishForward,
  slotName,
  writeGradient,
  writeNext,
  type GradientOptions,
  type StepPorts,
  type UpdateOptions,
} from './step-parts.js';
import { Tape } from './tape.js';

/** The flat gradient: an output of the gradient model, an input of the update model. */
export const GRADIENT = 'step.gradient';
/** A scalar that the update model multiplies into the gradient first: 1 / parts for a mean, less when it is clipped. */
export const GRADIENT_SCALE = 'step.gradient_scale';

export interface SplitStep extends StepPorts {
  /**
   * Inputs: the network's own, those of the loss, `step.parameters`, `step.statistics`, `step.dropout_seed`. Outputs:
   * `step.loss`, `step.output`, `step.gradient` [parameters.size] and `next.step.statistics`.
   */
  readonly gradient: Model;
  /** As `buildUpdateModel` says. */
  readonly update: Model;
}

export interface SplitStepOptions extends GradientOptions, UpdateOptions {}

/** Elements [from, to) of a flat vector. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The part of a layout that lies in a range: pieces of the entries, each as a vector, offsets counted from `from`. */
export function sliceLayout(layout: Layout, { from, to }: Range): Layout {
  const entries = layout.entries.flatMap((e): Parameter[] => {
    const [start, end] = [Math.max(e.offset, from), Math.min(e.offset + e.size, to)];
    return start < end ? [{ ...e, shape: [end - start], offset: start - from, size: end - start }] : [];
  });
  return { entries, size: to - from };
}

/**
 * Builds the second half of a step. Inputs: `step.gradient`, `step.gradient_scale` (scalar), the optimiser's
 * scalars (`scalarNames`), `step.parameters`, a vector for each optimiser slot, and `step.mask` when `masked`. Outputs:
 * `next.` of the parameters and of each slot. The gradient is not clipped here: its norm spans all parameters, and a part
 * may hold but a range of them, so a limit is part of the scale (`gradientScale`).
 * @param range the elements that this model updates; all when absent
 */
export function buildUpdateModel(parameters: Layout, options: UpdateOptions, range?: Range): Model {
  const layout = range ? sliceLayout(parameters, range) : parameters;
  const t = new Tape('t.');
  for (const name of [PARAMETERS, GRADIENT]) t.declare(name, [layout.size]);
  const gradient = t.mul(GRADIENT, t.declare(GRADIENT_SCALE, []));
  const { inputs, outputs } = writeNext(t, layout, gradient, options);
  return finish(t, 'update', [GRADIENT, GRADIENT_SCALE, ...inputs], outputs);
}

/**
 * Builds both halves of a step.
 * @throws TrainingError as `buildTrainingModel`
 */
export function buildSplitStep(model: Model, options: SplitStepOptions): SplitStep {
  const written = writeGradient(model, { ...options, trainable: trainableBy(model, options) });
  const { t, ports, inputs } = written;
  const outputs = [...publishForward(written), publish(t, written.gradient, GRADIENT)];
  return {
    ...ports,
    slots: slotsOf(options.optimizer).map(slotName),
    gradient: finish(t, written.name, inputs, outputs),
    update: buildUpdateModel(ports.parameters, options),
  };
}

/**
 * What a summed gradient is multiplied with: 1 / parts for the mean, and less where the mean is longer than `limit`.
 * @param squares sum of the squares of the summed gradient's elements
 * @param limit Euclidean norm that the mean may have; none when absent
 */
export function gradientScale(parts: number, squares: number, limit: number | undefined): number {
  const norm = Math.sqrt(squares) / parts;
  return limit === undefined || norm <= limit ? 1 / parts : limit / (norm * parts);
}

/** Sum of squares in double precision, in the order of the elements. */
export function sumOfSquares(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}
