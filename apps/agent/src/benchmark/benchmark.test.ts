/** What a model takes here, measured; and what Linux tells of heat, as its files say it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linearModel } from '../../tests/artifacts.js';
import { benchmark, linesOf } from './benchmark.js';
import { heldBackBetween, readMachineState } from './machine-state.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'verge-benchmark-'));
  await writeFile(join(dir, 'scans.onnx'), linearModel(1));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const options = { threads: [1], runs: 20, warmup: 1, dims: {}, progress: () => undefined };

describe('a benchmark', () => {
  it('tells latency, processor time and memory for each number of threads', async () => {
    const path = join(dir, 'scans.onnx');
    const report = await benchmark({ ...options, path, threads: [1, 2], dims: { batch: 3 } });
    expect(report).toMatchObject({ model: path, digest: expect.stringMatching(/^sha256:/), assumed: {} });
    expect(report.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: [3, 4] }]);
    expect(report.rows.map(({ threads }) => threads)).toEqual([1, 2]);
    for (const row of report.rows) {
      expect(row.runs).toBeGreaterThanOrEqual(20);
      expect(row.p50Ms).toBeGreaterThan(0);
      expect(row.cpuMs).toBeGreaterThan(0);
      expect(row.peakRssBytes).toBeGreaterThanOrEqual(row.baselineRssBytes);
    }
    const lines = linesOf(report);
    expect(lines[1]).toBe('input x float32 [3, 4]');
    // The head of the table, and a line for each row.
    expect(lines.filter((line) => /^ *(threads|[12]) {2}/.test(line))).toHaveLength(3);
  });

  it('refuses a missing file, and sizes that the model does not have', async () => {
    await expect(benchmark({ ...options, path: join(dir, 'none.onnx') })).rejects.toMatchObject({
      code: 'FILE_MISSING',
    });
    const lost = { ...options, path: join(dir, 'scans.onnx'), dims: { length: 3 } };
    await expect(benchmark(lost)).rejects.toThrow(/no input has a size called length; there are batch/);
  });
});

describe('heat and clock', () => {
  const tree = async (name: string, files: Record<string, string>): Promise<string> => {
    const root = join(dir, name);
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), text);
    }
    return root;
  };
  const cpu = 'devices/system/cpu';

  it('are read as a Raspberry Pi tells them', async () => {
    const root = await tree('pi', {
      'class/thermal/thermal_zone0/temp': '61835\n',
      [`${cpu}/cpu0/cpufreq/scaling_cur_freq`]: '600000\n',
      [`${cpu}/cpu0/cpufreq/cpuinfo_max_freq`]: '1500000\n',
      // Under-voltage and throttled now, and both with a capped frequency since the start.
      'devices/platform/soc/soc:firmware/get_throttled': '70005\n',
    });
    const state = await readMachineState(root);
    expect(state).toEqual({
      temperature: 61.835,
      clockShare: 0.4,
      heldBack: ['under-voltage', 'throttled'],
      wasHeldBack: ['under-voltage', 'frequency capped', 'throttled'],
      throttleCount: null,
    });
    expect(heldBackBetween({ ...state, heldBack: [] }, state)).toEqual(['under-voltage', 'throttled']);
  });

  it('are counted as an x86 processor counts them, over all cores', async () => {
    const file = (core: number): string => `${cpu}/cpu${core}/thermal_throttle/core_throttle_count`;
    const before = await readMachineState(await tree('x86', { [file(0)]: '2\n', [file(1)]: '3\n' }));
    const after = await readMachineState(await tree('x86', { [file(1)]: '7\n' }));
    expect([before.throttleCount, after.throttleCount]).toEqual([5, 9]);
    expect(heldBackBetween(before, after)).toEqual(['slowed down 4 times because of heat']);
    expect(heldBackBetween(before, before)).toEqual([]);
  });

  it('are unknown where nothing tells them, or what is told is no number', async () => {
    const nothing = { temperature: null, clockShare: null, heldBack: null, wasHeldBack: null, throttleCount: null };
    const odd = await tree('odd', { 'class/thermal/thermal_zone0/temp': '\n' });
    for (const root of [join(dir, 'none'), odd]) expect(await readMachineState(root)).toEqual(nothing);
    expect(heldBackBetween(nothing, nothing)).toBeNull();
  });
});
