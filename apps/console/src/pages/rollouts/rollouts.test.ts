import type { WaveStatus } from '@verge/contracts';
import { describe, expect, it } from 'vitest';
import { gateFigures } from './gate-figures.js';
import { parseWaves } from './parse-waves.js';

describe('parseWaves', () => {
  it('reads numbers of devices and percentages, also as Chinese keyboards write them', () => {
    expect(parseWaves('1, 12.5%, 100%')).toEqual([{ devices: 1 }, { percent: 12.5 }, { percent: 100 }]);
    expect(parseWaves('1，10％、100%')).toEqual([{ devices: 1 }, { percent: 10 }, { percent: 100 }]);
  });

  it.each(['', '0', '1.5', '101%', '1; 2', 'all', '-1'])('refuses %j', (text) => {
    expect(parseWaves(text)).toBeNull();
  });
});

describe('gateFigures', () => {
  const wave: WaveStatus = {
    index: 0,
    state: 'active',
    devices: 8,
    updated: 0,
    failed: 0,
    pending: 0,
    stalled: 0,
    requests: 0,
    errors: 0,
    expectedErrors: 0,
    sentBytes: 0,
    sentFileBytes: 0,
    p50Ms: null,
    baselineP50Ms: null,
    startedAt: null,
    finishedAt: null,
  };

  it('knows nothing before anything was observed', () => {
    expect(gateFigures(wave)).toEqual({ failedFraction: null, errorRate: null, latencyRatio: null });
  });

  it('relates failures to the devices of the wave, errors to its requests, latency to the old version', () => {
    const seen = { ...wave, updated: 5, failed: 2, requests: 400, errors: 6, p50Ms: 3, baselineP50Ms: 2 };
    expect(gateFigures(seen)).toEqual({ failedFraction: 0.25, errorRate: 0.015, latencyRatio: 1.5 });
  });

  it('leaves out devices that were not reached, and errors that the old version met as well', () => {
    const seen = {
      ...wave,
      updated: 2,
      failed: 2,
      pending: 3,
      stalled: 1,
      requests: 100,
      errors: 6,
      expectedErrors: 5,
    };
    expect(gateFigures(seen)).toMatchObject({ failedFraction: 0.5, errorRate: 0.01 });
    expect(gateFigures({ ...seen, expectedErrors: 9 }).errorRate).toBe(0);
  });
});
