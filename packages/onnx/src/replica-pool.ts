/**
 * What data-parallel training asks of an executor: replicas of a gradient model that run at once over one shared state.
 * `packages/runtime` implements it on threads; engine code receives a `ReplicaPoolFactory`.
 */
import type { Tensor } from './tensor.js';

/** A flat float32 vector of the state. */
export interface ReplicaVector {
  readonly name: string;
  readonly initial: Float32Array;
  /**
   * `sharded`: each replica replaces its range of it by the output `next.<name>` of its update model. `averaged`: every
   * replica's gradient model gives `next.<name>`, and the mean of these is the next value.
   */
  readonly kind: 'sharded' | 'averaged';
}

/** What one replica updates: elements [from, to) of every sharded vector. An empty range has no model. */
export interface ReplicaUpdate {
  readonly from: number;
  readonly to: number;
  /** Reads the range of each sharded vector, of the summed gradient and of `mask`, and scalars. */
  readonly model: Uint8Array | undefined;
}

export interface ReplicaSpec {
  /** Reads vectors by name and a batch; gives the loss, the output, the gradient and the next averaged vectors. */
  readonly gradientModel: Uint8Array;
  /** Output of the gradient model, input of the update models. */
  readonly gradient: string;
  /** Scalar input of the update models: what the summed gradient is multiplied with. */
  readonly scale: string;
  /** Outputs of the gradient model: a scalar, and the network's output. */
  readonly loss: string;
  readonly output: string;
  /** Elements of the network's output for one micro-batch. */
  readonly outputSize: number;
  readonly vectors: readonly ReplicaVector[];
  /** Elements of a sharded vector and of the gradient. */
  readonly size: number;
  /** A constant input of the update models, cut like the vectors. */
  readonly mask?: { readonly name: string; readonly values: Float32Array };
  /** One for each replica; together they cover `size` without overlap. */
  readonly updates: readonly ReplicaUpdate[];
  /** Batches that each replica runs before its gradients are summed with the others'. */
  readonly microBatches: number;
  /** Euclidean norm that the mean gradient may have. */
  readonly maxGradientNorm?: number;
  /** Intra-op threads of each replica. */
  readonly threads: number;
}

export interface ReplicaStep {
  /** Feeds by replica and micro-batch. */
  readonly feeds: readonly (readonly Readonly<Record<string, Tensor>>[])[];
  /** Scalars that the update models read, besides the scale. */
  readonly scalars: Readonly<Record<string, number>>;
}

export interface ReplicaStepResult {
  /** Mean over all micro-batches. */
  readonly loss: number;
  /** Outputs of all micro-batches, replica by replica. */
  readonly output: Float32Array;
}

export interface ReplicaPool {
  /** The state, in memory that the replicas write during a step; read and write it between steps only. */
  readonly vectors: ReadonlyMap<string, Float32Array>;
  /**
   * One step of all replicas. Gradients are added up in the order of the replicas, so the same feeds give the same bits.
   * A loss that is not finite leaves the state as it was.
   */
  step(step: ReplicaStep): Promise<ReplicaStepResult>;
  close(): Promise<void>;
}

export type ReplicaPoolFactory = (spec: ReplicaSpec) => Promise<ReplicaPool>;
