import type { WaveStatus } from '@verge/contracts';

/** What a wave showed against what the gate allows. */
export interface GateFigures {
  failedFraction: number | null;
  errorRate: number | null;
  latencyRatio: number | null;
}

export function gateFigures(wave: WaveStatus): GateFigures {
  const settled = wave.updated + wave.failed;
  return {
    failedFraction: settled > 0 && wave.devices > 0 ? wave.failed / wave.devices : null,
    errorRate: wave.requests > 0 ? wave.errors / wave.requests : null,
    latencyRatio:
      wave.p50Ms !== null && wave.baselineP50Ms !== null && wave.baselineP50Ms > 0
        ? wave.p50Ms / wave.baselineP50Ms
        : null,
  };
}
