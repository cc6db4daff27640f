/** What a target is: one kind of hardware and the executor on it, as data, with rules that code checks on a model. */
import type { DeviceClass } from '@verge/contracts';
import type { ModelFacts } from './facts.js';

/**
 * What becomes of a model that breaks a rule: the executor `refuses` it, the node `falls back` to the CPU, it runs `slower` than it
 * could, or its numbers are `different` from those of other processors.
 */
export type Consequence = 'refused' | 'falls back' | 'slower' | 'different';

export interface Finding {
  /** The rule's name. */
  readonly rule: string;
  readonly consequence: Consequence;
  /** The node, input or value that breaks it. */
  readonly node: string;
  readonly reason: string;
}

export interface Rule {
  readonly name: string;
  readonly consequence: Consequence;
  /** What a model has to be, in a sentence. */
  readonly requires: string;
  /** Where that is said, or how it was measured. */
  readonly source: string;
  /** The places that break it. */
  check(facts: ModelFacts): { node: string; reason: string }[];
}

export interface Target {
  /** As `--target` takes it. */
  readonly name: string;
  readonly title: string;
  /** What jobs and reports say of the class; threads are the device's own affair. */
  readonly device: Pick<DeviceClass, 'arch' | 'int8Activation' | 'vnni'>;
  /** What runs the model there. */
  readonly executor: string;
  /** Kept channels are multiples of this: what the kernels work on at a time where that is known, else 8. */
  readonly block: number;
  /** What float16 does there. */
  readonly float16: 'faster' | 'smaller, not faster' | 'slower';
  /** Whether this program can measure latency for it on a machine of its architecture, or only the device itself. */
  readonly latency: 'measured on a machine of its kind' | 'to be measured on the device';
  readonly rules: readonly Rule[];
}
