/**
 * Averages of the parameters over a run. They are kept beside the graph, on the flat vectors: at 8 thousand and at 3 million
 * parameters that costs as much as two more nodes and one more input and output would or less, at 200 thousand more
 * (0.4 against 0.1 ms), which `everySteps` divides; and it works with every optimiser, mask and way of cutting the step.
 */

export type AveragingSpec =
  /** Exponential moving average: average = d * average + (1 - d) * parameters. Running statistics are averaged alike. */
  | {
      readonly kind: 'ema';
      /** 0.999 when absent. */
      readonly decay?: number;
      /** Steps between two updates, each of which then counts as so many; 1 when absent. */
      readonly everySteps?: number;
      /** Steps that begin with a smaller decay, min(decay, (1 + t) / (10 + t)); true when absent. */
      readonly warmUp?: boolean;
    }
  /**
   * Stochastic weight averaging (Izmailov et al., arXiv:1803.05407): the mean of the parameters at the ends of epochs
   * `startEpoch` and later. BatchNormalization statistics are estimated anew for the mean.
   */
  | {
      readonly kind: 'swa';
      /** The first epoch, from 1, whose end counts. */
      readonly startEpoch: number;
      /** Epochs between two that count; 1 when absent. */
      readonly everyEpochs?: number;
      /** Training batches from which statistics are estimated, all of an epoch at most; 64 when absent. */
      readonly statisticsBatches?: number;
    };

/** Averaged vectors carry this prefix among those of the state. */
export const AVERAGE = 'average.';

/** average += weight * (value - average), in place. */
export function moveTowards(average: Float32Array, value: Float32Array, weight: number): void {
  for (let i = 0; i < average.length; i++) average[i]! += weight * (value[i]! - average[i]!);
}

/**
 * What the parameters after a step weigh in the moving average; 0 where the step does not count.
 * @param step counted from 1
 */
export function emaWeight(spec: AveragingSpec & { kind: 'ema' }, step: number): number {
  const every = spec.everySteps ?? 1;
  if (step % every !== 0) return 0;
  const decay = spec.decay ?? 0.999;
  const used = (spec.warmUp ?? true) ? Math.min(decay, (1 + step) / (10 + step)) : decay;
  return 1 - used ** every;
}

/**
 * What the parameters after an epoch weigh in their mean; 0 where the epoch does not count.
 * @param epoch counted from 1
 */
export function swaWeight(spec: AveragingSpec & { kind: 'swa' }, epoch: number): number {
  const past = epoch - spec.startEpoch;
  const every = spec.everyEpochs ?? 1;
  return past < 0 || past % every !== 0 ? 0 : 1 / (past / every + 1);
}

/** Settings that are out of range, each named by its field. */
export function checkAveraging(spec: AveragingSpec, epochs: number): string[] {
  const problems: string[] = [];
  const whole = (field: string, value: number | undefined, most = Infinity): void => {
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
    const range = most === Infinity ? 'from 1' : `from 1 to ${most}`;
    problems.push(`averaging.${field}: expected a whole number ${range}, not ${value}`);
  };
  if (spec.kind === 'ema') {
    const { decay = 0.999 } = spec;
    if (!(decay >= 0 && decay < 1)) problems.push(`averaging.decay: expected a number from 0 to below 1, not ${decay}`);
    whole('everySteps', spec.everySteps);
  } else {
    whole('startEpoch', spec.startEpoch, epochs);
    whole('everyEpochs', spec.everyEpochs);
    whole('statisticsBatches', spec.statisticsBatches);
  }
  return problems;
}
