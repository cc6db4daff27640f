export {
  architectureProblems,
  architectures,
  buildArchitecture,
  defaultInitialisation,
  type ArchitectureOptions,
} from './architectures/registry.js';
export type { Architecture, Param, ParamValue } from './architectures/params.js';
export type { InitialisationRule } from './initialisation.js';
export { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from './checkpoint.js';
export { distill, type DistillOptions, type FeaturePair } from './distill.js';
export {
  companionLogits,
  companionValue,
  projectionValue,
  type Companion,
  type Projection,
} from './distill-companion.js';
export { ensembleModel, memberValue, type Combination } from './distill-ensemble.js';
export { TrainingError, type TrainingErrorCode } from './errors.js';
export { exportInference, foldNormalization, logitsModel } from './export.js';
export { fit } from './fit.js';
export type { Augment, FitOptions, FitResult, TrainingView } from './fit-options.js';
export { differentiableOps, type DifferentiableOp } from './gradients/table.js';
export type { Mode } from './gradients/row.js';
export {
  LABELS,
  lossReads,
  TARGET,
  TEACHER_LOGITS,
  type LossInput,
  type LossKind,
  type LossSpec,
  type LossTerm,
} from './losses.js';
export type { AdapterValues, FactorValues } from './lora/adapt.js';
export type { LoraSpec } from './lora/spec.js';
export type { OptimizerName, OptimizerSpec, ParameterGroup } from './optimizers.js';
export { groupOf } from './optimizers/groups.js';
export type { AveragingSpec } from './optimizers/averaging.js';
export { findParameters, type Layout, type Parameter, type ParameterRole } from './parameters.js';
export { predict, score, type PredictOptions, type Predictions, type Score } from './predict.js';
export type { Progress } from './progress.js';
export { forecastSet, forecastWidth, type ForecastSpec } from './loop/forecast.js';
export { blockOrder, WINDOW_BLOCKS } from './loop/order.js';
export { memorySource, partOf, type SampleBatch, type SampleSet, type SampleSource } from './loop/source.js';
export { taskOf, type TaskKind } from './loop/task.js';
export { validate, type Validation, type ValidationOptions } from './loop/validation.js';
export {
  classRows,
  measureOutputs,
  metricNames,
  metricTable,
  usualMetrics,
  type Evaluation,
  type MetricName,
} from './metrics/table.js';
export { confusionMatrix, type Confusion } from './metrics/classification.js';
export { feedingOf, sizesOf, type Feeding, type FeedingOptions } from './quality/feed.js';
export {
  measureModels,
  type Benchmark,
  type BenchmarkFigures,
  type Measured,
  type MeasuredModel,
  type MeasureOptions,
} from './quality/measure-models.js';
export { measureTrained, qualityTaskOf, type TrainedFigures } from './quality/measure-trained.js';
export { measureQuality, type Assessment, type QualityOptions } from './quality/measure-quality.js';
export { openSubject, subjectOfSession, type OpenedSession, type Subject } from './quality/subject.js';
export { Random } from './random.js';
export type { InputValues, TargetValues, TrainingSamples } from './samples.js';
export {
  learningRateAt,
  nextPlateau,
  plateauStart,
  type PlateauState,
  type ScheduleName,
  type ScheduleSpec,
} from './schedule.js';
export {
  buildGradientModel,
  buildTrainingModel,
  buildVectorJacobianModel,
  type GradientModel,
  type TrainingModel,
  type TrainingModelOptions,
} from './training-model.js';
export { numbersOfSample, taskOfData, type DataTask, type KnownOfData } from './data-task.js';
export { localOptionsOf, lossOfConfig, samplesOfConfig, trainFromConfig, type TrainOptions } from './train.js';
export { arraysOfConfig, portsOfConfig } from './transfer/config-ports.js';
export { inTrainingForm, type InForm } from './transfer/options.js';
export { boundToSamples, sampleFeeds } from './sample-feeds.js';
export { bindPorts, type PortOptions, type SampleShape } from './transfer/ports.js';
export { replaceHead, type HeadOptions, type ReplacedHead } from './transfer/head.js';
export { separateParameters, type SeparatedModel } from './transfer/form.js';
export { freeze, reinitialise } from './transfer/layers.js';
export { describeParameters, type ParameterFate, type ParameterLine } from './transfer/report.js';
export type { Untied } from './transfer/untie.js';
export { commonOf, fitLocal, LocalRun, type RoundReport } from './parallel/local-sgd/run.js';
export { runRound, type RoundResult, type RoundTask, type Vectors } from './parallel/local-sgd/round.js';
export type { LocalOptions, LocalSgdSpec, OuterSpec } from './parallel/local-sgd/spec.js';
export { decodeVectors, encodeVectors } from './parallel/local-sgd/vectors.js';
export { buildSplitStep, buildUpdateModel, GRADIENT, GRADIENT_SCALE, type SplitStep } from './split-step.js';
export { trainGan } from './gan/train.js';
export type { GanOptions, GanProgress, GanResult } from './gan/options.js';
export type { AdversarialSpec } from './losses/adversarial.js';
export { probeBlock } from './blocked-layout.js';
export { TrainingState, type StepInput, type StepResult } from './state.js';
export { planSteps } from './parallel/plan.js';
export type { StepContext, StepPlan, Stepper } from './parallel/stepper.js';
