import { describe, expect, it } from 'vitest';
import { kernelTimerFor } from './kernel-timer.js';
import { hasInt8Dot, probeHardware } from './probe.js';
import { profileKernels } from './profile.js';

describe('probeHardware', () => {
  it('says what this machine is', async () => {
    const hardware = await probeHardware();
    expect(hardware.ortVersion).toMatch(/^1\.\d+\.\d+/);
    expect(hardware.providers).toContain('cpu');
    expect(hardware.cores).toBeGreaterThan(0);
    expect(hardware.memoryBytes).toBeGreaterThan(1e8);
  });
  it('knows the instructions that spare int8 from saturation', () => {
    expect(hasInt8Dot({ simd: ['avx2'] })).toBe(false);
    expect(hasInt8Dot({ simd: ['avx2', 'avx512_vnni'] })).toBe(true);
    expect(hasInt8Dot({ simd: ['asimd', 'asimddp'] })).toBe(true);
  });
  it('times kernels only for classes with the instructions that are here', async () => {
    const here = process.arch === 'arm64' ? 'arm64' : 'x64';
    const dot = hasInt8Dot(await probeHardware());
    expect(await kernelTimerFor({ arch: here, vnni: dot })).toBe(profileKernels);
    expect(await kernelTimerFor({ arch: here === 'x64' ? 'arm64' : 'x64', vnni: dot })).toBeUndefined();
    if (here === 'x64') expect(await kernelTimerFor({ arch: here, vnni: !dot })).toBeUndefined();
  });
});
