import type { WaveStatus } from '@verge/contracts';

/** What a wave showed against what the gate allows. */
export interface GateFigures {
  failedFraction: number | null;
  /** The model's errors beyond those of the version before. */
  errorRate: number | null;
  latencyRatio: number | null;
}

export function gateFigures(wave: WaveStatus): GateFigures {
  const reached = wave.devices - wave.pending - wave.stalled;
  const settled = wave.updated + wave.failed;
  return {
    failedFraction: settled > 0 && reached > 0 ? wave.failed / reached : null,
    errorRate: wave.requests > 0 ? Math.max(0, wave.errors - wave.expectedErrors) / wave.requests : null,
    latencyRatio:
      wave.p50Ms !== null && wave.baselineP50Ms !== null && wave.baselineP50Ms > 0
        ? wave.p50Ms / wave.baselineP50Ms
        : null,
  };
}
