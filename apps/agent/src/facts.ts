/** What a device tells about itself; people see it in the fleet overview. */
import { hostname } from 'node:os';
import { probeHardware } from '@verge/runtime';
import { agentVersion } from './version.js';

export async function readFacts(): Promise<Record<string, string>> {
  const hardware = await probeHardware();
  const facts: Record<string, string> = {
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
  // The control plane keeps at most 512 characters of a fact.
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, value.slice(0, 512)]));
}
