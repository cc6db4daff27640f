import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, float32, GraphBuilder, randomFeeds, type Model } from '@verge/onnx';
import { openSession } from '../session.js';
import { addOne, slow } from '../test-models.js';
import { Pipeline, stagesOf, type Feeds, type PipelineOptions } from './pipeline.js';

const open: Pipeline[] = [];
async function start(model: Model, stages: number, options: PipelineOptions = {}): Promise<Pipeline> {
  const parts = stagesOf(model, { stages });
  const pipeline = await Pipeline.open(parts.stages, parts.outputs, options);
  open.push(pipeline);
  return pipeline;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((p) => p.close(0)));
});

/** Four layers, with a value of the first that the last reads, and two outputs. */
function network(): Model {
  const b = new GraphBuilder();
  b.input('x', 'float32', ['N', 4]);
  b.initializer(
    'w',
    float32(
      [4, 4],
      Float32Array.from({ length: 16 }, (_, i) => ((i * 7) % 5) / 5 - 0.4),
    ),
  );
  const a = b.node('Relu', [b.node('MatMul', ['x', 'w'])]);
  const c = b.node('Relu', [b.node('MatMul', [a, 'w'])], {}, 1, { outputNames: ['inner'] });
  const d = b.node('Relu', [b.node('MatMul', [c, 'w'])]);
  b.node('Add', [b.node('MatMul', [d, 'w']), a], {}, 1, { outputNames: ['y'] });
  b.output('inner', 'float32', ['N', 4]);
  b.output('y', 'float32', ['N', 4]);
  return b.build();
}

const row = (i: number): Feeds => ({ x: float32([1, 4], [i, i / 2, -i, 1]) });

async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 250; i++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((r) => setTimeout(r, 20));
  }
  return false;
}

describe('Pipeline', () => {
  it('gives what the whole gives, batch after batch in their order, skip connections and inner outputs included', async () => {
    const pipeline = await start(network(), 3);
    const whole = await openSession(encodeModel(network()));
    let i = 0;
    for await (const result of pipeline.stream(Array.from({ length: 20 }, (_, k) => row(k)))) {
      expect(result).toEqual(await whole.run(row(i)));
      i++;
    }
    expect(i).toBe(20);
    await whole.release();
  });

  it('reads its source no further ahead than its depth', async () => {
    const pipeline = await start(network(), 2, { depth: 3 });
    let [read, seen] = [0, 0];
    function* source(): Generator<Feeds> {
      for (let i = 0; i < 12; i++) {
        read++;
        yield row(i);
      }
    }
    for await (const _ of pipeline.stream(source())) {
      await new Promise((r) => setTimeout(r, 5));
      seen++;
      expect(read - seen).toBeLessThan(3);
    }
    expect(seen).toBe(12);
  });

  it('stops when told to, and serves others afterwards', async () => {
    const pipeline = await start(network(), 2);
    const controller = new AbortController();
    let seen = 0;
    const reading = (async () => {
      for await (const _ of pipeline.stream(
        (function* () {
          for (;;) yield row(1);
        })(),
        { signal: controller.signal },
      ))
        if (++seen === 5) controller.abort(new Error('enough'));
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(seen).toBe(5);
    expect((await pipeline.run(row(2)))['y']!.dims).toEqual([1, 4]);
  });

  it('says which stage was killed, to every batch under way, and leaves no process behind', async () => {
    const pipeline = await start(decodeModel(slow(300, 40)), 2);
    const x = float32([300, 300], new Float32Array(90_000));
    const results = Promise.allSettled(Array.from({ length: 6 }, () => pipeline.run({ x })));
    const pids = [...pipeline.pids] as number[];
    await new Promise((r) => setTimeout(r, 30));
    process.kill(pids[1]!, 'SIGKILL');
    const failed = (await results).filter((r) => r.status === 'rejected');
    expect(failed.length).toBeGreaterThan(3);
    for (const { reason } of failed) expect(reason).toMatchObject({ code: 'crashed' });
    await expect(pipeline.run({ x })).rejects.toThrow(/stage 2/);
    await pipeline.close(0);
    for (const pid of pids) expect(await gone(pid)).toBe(true);
  });

  it('gives a stage that hangs no longer than it is allowed', async () => {
    const pipeline = await start(decodeModel(slow(300, 400)), 2, { timeoutMs: 40 });
    const x = float32([300, 300], new Float32Array(90_000));
    await expect(pipeline.run({ x })).rejects.toMatchObject({ code: 'timeout' });
  });

  it('refuses feeds that do not fit, and goes on', async () => {
    const pipeline = await start(network(), 2);
    await expect(pipeline.run({ x: float32([1, 3], [1, 2, 3]) })).rejects.toMatchObject({ code: 'bad-feed' });
    expect(Object.keys(await pipeline.run(row(1))).sort()).toEqual(['inner', 'y']);
  });

  it('refuses stages out of order, and models that do not load', async () => {
    const stage = { model: addOne(), inputs: ['y'], outputs: ['y'] };
    await expect(Pipeline.open([stage], ['z'])).rejects.toMatchObject({
      code: 'bad-setting',
      problems: ["no stage gives the output 'z'", "stage 1 reads 'y' before it is made"],
    });
    const broken = { model: new Uint8Array(8), inputs: ['x'], outputs: ['y'] };
    const good = { ...stage, inputs: ['x'] };
    await expect(Pipeline.open([good, { ...broken, outputs: ['z'] }], ['z'])).rejects.toMatchObject({
      code: 'model-refused',
    });
  });

  const data = process.env['VERGE_DATA'];
  const path = data ? join(data, 'mobilenetv2', 'mobilenet_v2_keras_coral_fp32_restored.onnx') : '';
  it.skipIf(!data || !existsSync(path))('runs MobileNetV2 in three processes (needs VERGE_DATA)', async () => {
    const model = decodeModel(readFileSync(path));
    const pipeline = await start(model, 3);
    const whole = await openSession(readFileSync(path));
    const feeds = randomFeeds(model, { seed: 1 });
    const [got, wanted] = [await pipeline.run(feeds), await whole.run(feeds)];
    for (const name of whole.outputNames) {
      const [a, b] = [got[name]!.data as Float32Array, wanted[name]!.data as Float32Array];
      // A cut may separate what ONNX Runtime fuses; the scores are probabilities.
      expect(Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))).toBeLessThan(1e-5);
    }
    await whole.release();
  });
});
