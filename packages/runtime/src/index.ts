export { RuntimeError, type RuntimeErrorCode } from './errors.js';
export { createSession, openSession, type OrtSession, type Port } from './session.js';
export { discard } from './discard.js';
export { COLLECT_AFTER, collectGarbage, openScratch, type OpenedScratch } from './scratch.js';
export { readHead, sourceBytes, type ModelSource } from './model-source.js';
export { syntheticFeeds } from './feeds-for.js';
export { fedPorts } from './fed-ports.js';
export { createSessionInProcess, openInProcess } from './process/process-session.js';
export {
  InferenceProcess,
  type InferenceProcessOptions,
  type ModelGiver,
  type RunOptions,
} from './process/inference-process.js';
export type { InferenceResult, LoadOptions } from './process/loaded-model.js';
export {
  benchmarkModel,
  benchmarkModels,
  percentile,
  type BenchmarkOptions,
  type BenchmarkResult,
} from './benchmark.js';
export { classOutput, type ClassOutput, type OutputPort } from '@verge/onnx';
export { kernelTimerFor, type TimedClass } from './kernel-timer.js';
export { modelPorts } from './model-ports.js';
export { probeHardware, hasInt8Dot, type Hardware } from './probe.js';
export { optimizedModel } from './optimized.js';
export { profileKernels, profileNodes, type NodeProfile, type ProfileOptions } from './profile.js';
export {
  Pipeline,
  stagesOf,
  type PipelineOptions,
  type PipelineStage,
  type StreamOptions,
} from './parallel/pipeline.js';
export { openReplicas, type ReplicaThreadsOptions } from './parallel/replica-threads.js';
