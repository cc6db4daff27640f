import { afterEach, describe, expect, it } from 'vitest';
import { float32, type Tensor } from '@verge/onnx';
import type { RuntimeError } from '../errors.js';
import { addOne, slow } from '../test-models.js';
import { InferenceProcess, type InferenceProcessOptions } from './inference-process.js';

const open: InferenceProcess[] = [];
async function start(model: Uint8Array, options: InferenceProcessOptions = {}): Promise<InferenceProcess> {
  const started = await InferenceProcess.start(model, 'a', options);
  open.push(started);
  return started;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((p) => p.close(0)));
});

const x = float32([1, 3], [1, 2, 3]);
const first = (tensor: Tensor | undefined): unknown => (tensor?.data as Float32Array)[0];
const square = (size: number): Tensor => float32([size, size], new Float32Array(size * size));
const ended = async (pid: number): Promise<boolean> => {
  for (let i = 0; i < 500; i++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((r) => setTimeout(r, 20));
  }
  return false;
};

describe('InferenceProcess', () => {
  it('answers from another process, with tag, times and memory', async () => {
    const p = await start(addOne());
    const result = await p.run({ x });
    expect(result.outputs.y).toEqual(float32([1, 3], [2, 3, 4]));
    expect(result.tag).toBe('a');
    expect(p.pid).not.toBe(process.pid);
    expect(p.warmUpProblem).toBeNull();
    const stats = await p.stats();
    expect(stats.runs).toBe(1);
    expect(stats.peakRssBytes).toBeGreaterThan(20e6);
  });

  it('leaves the event loop free while the model runs', async () => {
    const p = await start(slow(400, 60), { warmupRuns: 0 });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await p.run({ x: square(400) });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it('refuses bad feeds, too many requests and refused models with a code', async () => {
    const p = await start(addOne(), { maxInFlight: 2 });
    await expect(p.run({})).rejects.toMatchObject({ code: 'bad-feed' });
    const runs = await Promise.allSettled([p.run({ x }), p.run({ x }), p.run({ x })]);
    expect(runs.map((r) => r.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(runs[2]).toMatchObject({ reason: { code: 'overloaded' } });
    await expect(InferenceProcess.start(Uint8Array.of(1, 2), 'bad')).rejects.toMatchObject({ code: 'model-refused' });
  });

  it('loses no request while the model is replaced', async () => {
    const p = await start(addOne(1), { maxInFlight: 10_000 });
    const before = p.pid!;
    const answers: Promise<{ tag: string; value: unknown }>[] = [];
    let replaced = false;
    const replacing = p.replace(addOne(100), 'b').then(() => (replaced = true));
    while (!replaced) {
      for (let i = 0; i < 5; i++) answers.push(p.run({ x }).then((r) => ({ tag: r.tag, value: first(r.outputs.y) })));
      await new Promise((r) => setTimeout(r, 2));
    }
    await replacing;
    answers.push(p.run({ x }).then((r) => ({ tag: r.tag, value: first(r.outputs.y) })));
    const got = await Promise.all(answers);
    expect(got.at(-1)).toEqual({ tag: 'b', value: 101 });
    expect(got.every(({ tag, value }) => value === (tag === 'a' ? 2 : 101))).toBe(true);
    expect(await ended(before)).toBe(true);
  });

  it('goes on with the old model when the new one does not load', async () => {
    const p = await start(addOne());
    await expect(p.replace(Uint8Array.of(9), 'b')).rejects.toMatchObject({ code: 'model-refused' });
    expect((await p.run({ x })).tag).toBe('a');
  });

  it('fails the running request when the child is killed, and answers those behind it after a restart', async () => {
    const crashes: string[] = [];
    const p = await start(slow(400, 60), { warmupRuns: 0, onCrash: (exit) => crashes.push(String(exit.signal)) });
    const runs = [0, 1, 2, 3].map(() => p.run({ x: square(400) }));
    const settled = Promise.allSettled(runs);
    process.kill(p.pid!, 'SIGKILL');
    const [head, ...rest] = await settled;
    expect(head).toMatchObject({ status: 'rejected', reason: { code: 'crashed' } });
    expect(rest.map((r) => r.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(crashes).toEqual(['SIGKILL']);
    expect(p.serving).toBe(true);
  });

  it('gives up after too many crashes, with a code', async () => {
    const p = await start(addOne(), { maxRestartsPerMinute: 0 });
    const pid = p.pid!;
    process.kill(pid, 'SIGKILL');
    expect(await ended(pid)).toBe(true);
    await expect.poll(() => p.serving, { timeout: 20_000 }).toBe(false);
    await expect(p.run({ x })).rejects.toMatchObject({ code: 'crashed' });
  });

  it('times out a request that hangs and serves the next one', async () => {
    const p = await start(slow(700, 400), { warmupRuns: 0 });
    await expect(p.run({ x: square(700) }, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'timeout' });
    await p.replace(addOne(), 'b');
    expect((await p.run({ x })).tag).toBe('b');
  });

  it('tells a run that hangs from requests that had no turn', async () => {
    const p = await start(addOne());
    process.kill(p.pid!, 'SIGSTOP');
    const runs = await Promise.allSettled([1, 2, 3].map(() => p.run({ x }, { timeoutMs: 300 })));
    expect(runs.map((r) => r.status === 'rejected' && (r.reason as RuntimeError).code)).toEqual([
      'timeout',
      'overloaded',
      'overloaded',
    ]);
    expect((await p.run({ x })).tag).toBe('a');
  });

  it('stops waiting when the signal aborts', async () => {
    const p = await start(addOne());
    const stop = new AbortController();
    const run = p.run({ x }, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    expect((await p.run({ x })).tag).toBe('a');
  });

  it('answers what waits before it closes, and leaves no process', async () => {
    const p = await start(addOne());
    const pid = p.pid!;
    const runs = Promise.all(Array.from({ length: 20 }, () => p.run({ x })));
    await p.close();
    expect(await runs).toHaveLength(20);
    await expect(p.run({ x })).rejects.toMatchObject({ code: 'closed' });
    expect(await ended(pid)).toBe(true);
  });
});
