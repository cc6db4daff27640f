import type { Wave } from '@verge/contracts';

/**
 * How many devices each wave takes. A wave of `devices` takes that many; a wave of `percent` brings the total up to that
 * share, rounded up. Waves that would be empty are left out, and what the list does not cover becomes a last wave, so
 * that the sizes always add up to `total`.
 */
export function partitionWaves(waves: readonly Wave[], total: number): number[] {
  const sizes: number[] = [];
  let taken = 0;
  for (const wave of waves) {
    const upTo = 'devices' in wave ? taken + wave.devices : Math.ceil((total * wave.percent) / 100 - 1e-9);
    const size = Math.min(upTo, total) - taken;
    if (size <= 0) continue;
    sizes.push(size);
    taken += size;
  }
  if (taken < total) sizes.push(total - taken);
  return sizes;
}

export interface WaveCandidate {
  readonly id: string;
  readonly name: string;
  readonly deviceClass: string;
  readonly online: boolean;
}

/**
 * The order in which devices are taken: those online first, and the device classes in turn, so that a canary of a few
 * devices meets as many kinds of hardware as it can and does not wait for a device that is switched off.
 */
export function orderForWaves<D extends WaveCandidate>(devices: readonly D[]): D[] {
  const byName = [...devices].sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
  return [...interleave(byName.filter((d) => d.online)), ...interleave(byName.filter((d) => !d.online))];
}

function interleave<D extends WaveCandidate>(devices: readonly D[]): D[] {
  const classes = new Map<string, D[]>();
  for (const device of devices) {
    const list = classes.get(device.deviceClass) ?? [];
    list.push(device);
    classes.set(device.deviceClass, list);
  }
  const queues = [...classes.entries()].sort(([a], [b]) => compare(a, b)).map(([, list]) => list);
  const ordered: D[] = [];
  for (let turn = 0; ordered.length < devices.length; turn++) {
    for (const queue of queues) {
      const device = queue[turn];
      if (device !== undefined) ordered.push(device);
    }
  }
  return ordered;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
