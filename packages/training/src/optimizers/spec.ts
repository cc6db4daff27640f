/** Optimisers as data; names and defaults are PyTorch's where both have them. */

/** Parameters that go their own way. A parameter belongs to the first group that names it. */
export interface ParameterGroup {
  /** Names; `*` stands for any run of characters. */
  readonly match: readonly string[];
  /** Multiplies the learning rate; 1 when absent. */
  readonly learningRateFactor?: number;
  /** Takes the place of the optimiser's, also for biases and normalisation. */
  readonly weightDecay?: number;
  /** These parameters stay as they are, and cost nothing. */
  readonly frozen?: boolean;
}

interface Common {
  /** Peak learning rate; the schedule scales it. */
  readonly learningRate: number;
  /** Touches weights, not biases or normalisation, unless a group says so. */
  readonly weightDecay?: number;
  /** Names of further parameters without weight decay; `*` stands for any run of characters. */
  readonly decayExcluded?: readonly string[];
  readonly groups?: readonly ParameterGroup[];
}

interface Moments {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

export type OptimizerSpec = Common &
  (
    | {
        readonly name: 'sgd';
        /** 0.9 when absent. */
        readonly momentum?: number;
        /** Share of the gradient that does not enter the momentum, from the second step on. */
        readonly dampening?: number;
        readonly nesterov?: boolean;
      }
    /** Weight decay is added to the gradient, as an L2 penalty. */
    | ({ readonly name: 'adam' } & Moments)
    /** Weight decay is taken from the parameters directly. */
    | ({ readonly name: 'adamw' } & Moments)
    | {
        readonly name: 'rmsprop';
        /** Decay of the mean of squares, 0.99 when absent. */
        readonly alpha?: number;
        readonly epsilon?: number;
        readonly momentum?: number;
        /** Divides by the deviation instead of the root mean square. */
        readonly centered?: boolean;
      }
    | {
        readonly name: 'adagrad';
        /** The rate of step t is divided by 1 + (t - 1) * lrDecay. */
        readonly lrDecay?: number;
        readonly initialAccumulator?: number;
        readonly epsilon?: number;
      }
    /** AdamW's direction, each tensor's step as long as the tensor (times the learning rate). */
    | ({ readonly name: 'lamb' } & Moments)
  );

export type OptimizerName = OptimizerSpec['name'];
export type OptimizerOf<N extends OptimizerName> = Extract<OptimizerSpec, { readonly name: N }>;
