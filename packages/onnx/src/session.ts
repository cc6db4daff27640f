/**
 * What the engine packages ask of an executor. `packages/runtime` implements it on ONNX Runtime; engine code receives
 * a `SessionFactory` and never imports a runtime.
 */
import type { Tensor } from './tensor.js';

export interface SessionOptions {
  /** Intra-op threads; 1 unless told otherwise. */
  threads?: number;
  /** Graph optimisation of the executor: 'extended' suits training graphs, 'all' inference. */
  optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /**
   * Whether the executor plans one block of memory for all inner values of a run; true unless told otherwise. A training step
   * has so many of them that taking each when it comes needs up to two fifths less at the peak, for up to 6 % more time.
   */
  planMemory?: boolean;
  /**
   * Whether QuantizeLinear and DequantizeLinear are run as they are written; the executor may otherwise compute what stands between
   * them in integers and move them. The gradients of a step are those of what is written.
   */
  quantizeAsWritten?: boolean;
  /**
   * Whether runs give places for their outputs (`into`): an executor that would copy those after the run may then be kept from it. Only for a
   * model that is given as bytes, has nothing called `verge.halt`, and an opset from 11 on.
   */
  fixedPlaces?: boolean;
  /** Contents of external data files by their location in the model. */
  externalData?: ReadonlyMap<string, Uint8Array>;
  /** Folder that external data files lie in, which the executor maps from there. */
  externalFolder?: string;
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the model once.
   * @param feeds one tensor per graph input that has no initializer
   * @param outputs names to fetch; all graph outputs when absent
   * @param into tensors that outputs are written into, by name, instead of fresh ones: type and shape must be the output's, and
   *   the memory none that the run reads
   */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    outputs?: readonly string[],
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

export type SessionFactory = (model: Uint8Array, options?: SessionOptions) => Promise<Session>;

/** A kernel as the executor runs it: several nodes of the model where it fuses them. */
export interface KernelTime {
  /** As the executor calls it, which need not be the name of a node; the name of the node or value that it was made of is in it. */
  readonly name: string;
  readonly op: string;
  readonly milliseconds: number;
}

/** Times each kernel of a model on this machine, as it is fused there. */
export type KernelTimer = (
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
  options?: { threads?: number; signal?: AbortSignal },
) => Promise<readonly KernelTime[]>;
