/** What a run reports after each epoch; the form of `TrainingPoint` of the contracts. */
export interface Progress {
  /** Finished epochs, from 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps taken since the start. */
  readonly step: number;
  /** Learning rate of the last step. */
  readonly learningRate: number;
  /** Mean over the epoch's batches, while the parameters moved. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  /** On the exported inference model after the epoch: cross-entropy in nats, mean squared error, or the loss itself. */
  readonly valLoss: number;
  readonly valAccuracy: number;
  /** The run's metrics on the validation samples, by name. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Wall time of the run, its interruptions left out. */
  readonly seconds: number;
}
