/** What a device tells about itself; people see it in the fleet overview. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { probeHardware } from '@verge/runtime';

export const agentVersion = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

export async function readFacts(): Promise<Record<string, string>> {
  const hardware = await probeHardware();
  return {
    arch: hardware.arch,
    platform: hardware.platform,
    cpuModel: hardware.cpuModel,
    cores: String(hardware.cores),
    memoryBytes: String(hardware.memoryBytes),
    simd: hardware.simd.join(' '),
    ortVersion: hardware.ortVersion,
    nodeVersion: process.versions.node,
    agentVersion,
    hostname: hostname(),
  };
}
