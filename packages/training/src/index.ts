export { architectures, buildArchitecture, type ArchitectureOptions } from './architectures/registry.js';
export type { Architecture, Param, ParamValue } from './architectures/params.js';
export { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from './checkpoint.js';
export { distill, type DistillOptions } from './distill.js';
export { TrainingError, type TrainingErrorCode } from './errors.js';
export { exportInference, logitsModel } from './export.js';
export { fit } from './fit.js';
export type { Augment, FitOptions, FitResult, TrainingView } from './fit-options.js';
export { differentiableOps, type DifferentiableOp } from './gradients/table.js';
export type { Mode } from './gradients/row.js';
export { LABELS, TARGET, TEACHER_LOGITS, type LossSpec } from './losses.js';
export type { OptimizerSpec } from './optimizers.js';
export { findParameters, type Layout, type Parameter, type ParameterRole } from './parameters.js';
export { predict, score, type PredictOptions, type Predictions, type Score } from './predict.js';
export type { Progress } from './progress.js';
export { Random } from './random.js';
export type { TrainingSamples } from './samples.js';
export { learningRateAt, type ScheduleSpec } from './schedule.js';
export {
  buildGradientModel,
  buildTrainingModel,
  buildVectorJacobianModel,
  type GradientModel,
  type TrainingModel,
  type TrainingModelOptions,
} from './training-model.js';
export { trainFromConfig, type TrainOptions } from './train.js';
