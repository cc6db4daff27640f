import { describe, expect, it } from 'vitest';
import { hasInt8Dot, probeHardware } from './probe.js';

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
});
