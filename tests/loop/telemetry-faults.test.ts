import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Compression, Release, Rollout, TelemetryTotals, Training } from '@verge/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../apps/quickstart/src/processes.js';
import { digits, System } from './harness.js';

const config = {
  model: { architecture: 'mlp', params: {} },
  split: 'digits-v1',
  epochs: 2,
  optimizer: { name: 'adamw', learningRate: 0.01 },
};
const recipe = {
  name: 'fold',
  passes: [{ pass: 'fold' }],
  budget: { maxAccuracyDropPoints: 100, maxLatencyRatio: 100, maxSizeRatio: 100 },
};

/**
 * One agent that serves a model which came the whole way, over a control plane that is killed in the middle. In the full tests;
 * an agent that is killed itself is in those of the agent.
 */
describe.runIf(process.env['VERGE_TEST_FULL'])('telemetry while the control plane is killed', () => {
  let system: System;
  let agent: Awaited<ReturnType<System['startAgent']>>;
  let sent = 0;

  beforeAll(async () => {
    system = await System.start({ workers: 1 });
    const { verge } = system.commands;
    const [configFile, recipeFile, keys, out] = ['train.json', 'recipe.json', 'keys', 'release'].map((n) =>
      join(system.home, n),
    ) as [string, string, string, string];
    await writeFile(configFile, JSON.stringify(config));
    await writeFile(recipeFile, JSON.stringify(recipe));
    await verge(['datasets', 'add', 'digits', '--path', digits]);
    const training = await verge<Training>([
      'trainings',
      'create',
      '--model',
      'tiny',
      '--dataset',
      'digits',
      '--config',
      configFile,
      '--wait',
    ]);
    const compression = await verge<Compression>([
      'compressions',
      'create',
      '--version',
      training.versionId!,
      '--recipe',
      recipeFile,
      '--class',
      'edge',
      '--wait',
    ]);
    await verge(['releases', 'init', '--keys', keys]);
    await verge(['releases', 'sign', '--keys', keys, '--artifact', compression.artifactId!, '--out', out]);
    const release = await verge<Release>(['releases', 'publish', out, '--name', 'first']);
    await verge(['groups', 'create', 'site']);
    agent = await system.startAgent('edge-1', { deviceClass: 'edge', group: 'site', keys });
    await verge<Rollout>([
      'rollouts',
      'create',
      '--name',
      'first',
      '--release',
      release.id,
      '--group',
      'site',
      '--canary',
      '1',
      '--observe',
      '0',
      '--min-requests',
      '0',
      '--wait',
    ]);
  }, 180_000);

  afterAll(() => system?.stop());

  const infer = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const response = await fetch(`${agent.url}/v2/models/tiny/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          parameters: { preprocess: true },
          inputs: [{ name: 'raw', datatype: 'FP32', shape: [1, 8, 8], data: new Array(64).fill(i % 17) }],
        }),
      });
      expect(response.status, await response.clone().text()).toBe(200);
      await response.arrayBuffer();
      sent++;
    }
  };
  const totals = (): Promise<TelemetryTotals> =>
    system.client.call('telemetry.totals', { params: { project: system.project }, query: {} });
  const counted = (n: number): Promise<TelemetryTotals> =>
    until(`${n} counted inferences`, 60, async () => {
      const t = await totals();
      return t.requests >= n ? t : undefined;
    });

  it('serves on, loses nothing and counts nothing twice', async () => {
    await infer(200);
    // In the middle: some of it is acknowledged, some on its way, some still in the open window.
    await until('the first telemetry', 60, async () => ((await totals()).requests > 0 ? true : undefined));
    for (let round = 0; round < 2; round++) {
      await infer(50);
      await system.killControlPlane();
      await infer(100);
      await system.startControlPlane();
      await infer(50);
    }
    expect((await counted(sent)).requests).toBe(sent);
    // Nothing trickles in afterwards either.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const after = await totals();
    expect(after.requests).toBe(sent);
    expect(after.errors).toBe(0);
    expect(after.classes.reduce((sum, c) => sum + c.count, 0)).toBe(sent);
  }, 240_000);
});
