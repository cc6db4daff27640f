/** What every pass is given and gives back. */
import type { ChannelSensitivity, QualityTask, UnitReport } from '@verge/contracts';
import type { Samples } from '@verge/data';
import type { KernelTimer, Model, Scratch, SessionFactory } from '@verge/onnx';
import type { Benchmark, PortOptions } from '@verge/training';
import type { SharedStudies } from '../study/shared.js';

export interface PassContext {
  createSession: SessionFactory;
  train: Samples;
  validation: Samples;
  /** The model as the recipe was given it: what trains learns from that where it learns from a teacher. */
  original?: Model;
  /** A further ONNX file that the recipe names: a path here, a digest there. */
  readModel?: (name: string) => Promise<Uint8Array>;
  /** What is said of the model's inputs and outputs where the file leaves it open. */
  ports?: PortOptions;
  /** What the model is for, where it is known. */
  task?: QualityTask | 'other';
  /** Latency of whole models, and of their kernels, on this machine. What chooses by time chooses by quality alone without them. */
  benchmark?: Benchmark;
  timeKernels?: KernelTimer;
  /** Where the weights of a large model lie. */
  scratch?: Scratch;
  /** Of other passes on the same samples. */
  studies?: SharedStudies;
  signal?: AbortSignal;
  /** The pass's own progress, 0 to 1. */
  onProgress?: (fraction: number) => void;
}

export interface PassResult {
  model: Model;
  /** What was done, counted by name. */
  changes: Record<string, number>;
  /** What was not done, with the reason. */
  declined: { node: string; reason: string }[];
  /** What else there is to say, a line each. */
  notes?: string[];
  /** What became of each part of the network that was decided on by itself. */
  units?: UnitReport[];
  /** What removals from each group of channels cost. */
  sensitivity?: ChannelSensitivity[];
}
