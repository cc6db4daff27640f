/** Heat and clock of this machine, where Linux tells them. What it does not tell is null, never a guess. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface MachineState {
  /** Of the hottest thermal zone, degrees Celsius; null where there is none. */
  temperature: number | null;
  /** Clock of the slowest processor now, as a share of the highest that it can have; null where the kernel does not tell. */
  clockShare: number | null;
  /** What a Raspberry Pi's firmware says holds it back now, in words; null on other machines. */
  heldBack: string[] | null;
  /** The same, since it was started. */
  wasHeldBack: string[] | null;
  /** Times that an x86 processor slowed down because of heat since it was started; null on others. */
  throttleCount: number | null;
}

/** Raspberry Pi documentation, `vcgencmd get_throttled`: bits 0 to 3 are now, 16 to 19 the same since the start. */
const reasons = ['under-voltage', 'frequency capped', 'throttled', 'soft temperature limit'];

async function numberIn(path: string, base = 10): Promise<number | null> {
  const text = await readFile(path, 'latin1').catch(() => null);
  const value = text === null || text.trim() === '' ? NaN : parseInt(text.trim().replace(/^0x/i, ''), base);
  return Number.isFinite(value) ? value : null;
}

/** The numbers in the files of this name in all folders that match. */
async function numbersIn(folder: string, pattern: RegExp, file: string): Promise<number[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const found = names.filter((name) => pattern.test(name)).map((name) => numberIn(join(folder, name, file)));
  return (await Promise.all(found)).filter((value) => value !== null);
}

/** @param root of sysfs */
export async function readMachineState(root = '/sys'): Promise<MachineState> {
  const processors = join(root, 'devices/system/cpu');
  const [zones, clocks, highest, throttles, firmware] = await Promise.all([
    numbersIn(join(root, 'class/thermal'), /^thermal_zone[0-9]+$/, 'temp'),
    numbersIn(processors, /^cpu[0-9]+$/, 'cpufreq/scaling_cur_freq'),
    numbersIn(processors, /^cpu[0-9]+$/, 'cpufreq/cpuinfo_max_freq'),
    numbersIn(processors, /^cpu[0-9]+$/, 'thermal_throttle/core_throttle_count'),
    numberIn(join(root, 'devices/platform/soc/soc:firmware/get_throttled'), 16),
  ]);
  const bits = (from: number): string[] | null =>
    firmware === null ? null : reasons.filter((_, i) => (firmware >> (from + i)) & 1);
  return {
    // sysfs: thousandths of a degree.
    temperature: zones.length > 0 ? Math.max(...zones) / 1000 : null,
    clockShare: clocks.length > 0 && highest.length > 0 ? Math.min(...clocks) / Math.max(...highest) : null,
    heldBack: bits(0),
    wasHeldBack: bits(16),
    throttleCount: throttles.length > 0 ? throttles.reduce((a, b) => a + b, 0) : null,
  };
}

/** What held the machine back between two looks, in words; null where it tells nothing about that. */
export function heldBackBetween(before: MachineState, after: MachineState): string[] | null {
  if (after.heldBack === null && after.throttleCount === null) return null;
  const slowed = (after.throttleCount ?? 0) - (before.throttleCount ?? 0);
  return [
    ...new Set([...(before.heldBack ?? []), ...(after.heldBack ?? [])]),
    ...(slowed > 0 ? [`slowed down ${slowed} times because of heat`] : []),
  ];
}
