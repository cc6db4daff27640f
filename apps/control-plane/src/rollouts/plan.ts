/** Which device of a group gets which artifact of a release, and in which wave. */
import type { Wave } from '@verge/contracts';
import type { WaveCandidate } from './waves.js';
import { orderForWaves, partitionWaves } from './waves.js';

export interface PlannedArtifact {
  readonly id: string;
  readonly deviceClass: string;
  readonly manifestDigest: string;
}

export interface PlannedDevice {
  readonly deviceId: string;
  readonly wave: number;
  readonly artifact: PlannedArtifact | null;
}

export interface RolloutPlan {
  readonly waves: number;
  readonly devices: readonly PlannedDevice[];
}

/** Devices whose class has no artifact are in no wave's count; they are listed under the last wave, to be skipped. */
export function planRollout(
  plan: readonly Wave[],
  devices: readonly WaveCandidate[],
  artifacts: readonly PlannedArtifact[],
): RolloutPlan {
  const byClass = new Map(artifacts.map((artifact) => [artifact.deviceClass, artifact]));
  const served = orderForWaves(devices.filter((device) => byClass.has(device.deviceClass)));
  const sizes = partitionWaves(plan, served.length);
  const waveOf = sizes.flatMap((size, index) => Array.from({ length: size }, () => index));
  const last = Math.max(0, sizes.length - 1);
  return {
    waves: sizes.length,
    devices: [
      ...served.map((device, i) => ({
        deviceId: device.id,
        wave: waveOf[i] ?? last,
        artifact: byClass.get(device.deviceClass) ?? null,
      })),
      ...devices
        .filter((device) => !byClass.has(device.deviceClass))
        .map((device) => ({ deviceId: device.id, wave: last, artifact: null })),
    ],
  };
}
