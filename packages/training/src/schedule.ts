/** Learning rate over time. */
export interface ScheduleSpec {
  readonly name: 'constant' | 'cosine';
  /** Epochs (fractions allowed) of linear rise from 0 to the peak. */
  readonly warmupEpochs?: number;
  /** Final learning rate as a fraction of the peak. */
  readonly finalFraction?: number;
}

/**
 * Learning rate of a step.
 * @param step steps taken before this one
 * @param total steps of the whole run
 */
export function learningRateAt(
  peak: number,
  schedule: ScheduleSpec,
  step: number,
  total: number,
  stepsPerEpoch: number,
): number {
  const warmup = Math.min(total, Math.round((schedule.warmupEpochs ?? 0) * stepsPerEpoch));
  if (step < warmup) return (peak * (step + 1)) / warmup;
  if (schedule.name === 'constant') return peak;
  const progress = total - warmup <= 1 ? 0 : (step - warmup) / (total - warmup - 1);
  const final = schedule.finalFraction ?? 0;
  return peak * (final + ((1 - final) * (1 + Math.cos(Math.PI * progress))) / 2);
}
