import { pathToFileURL, fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodeModel, float32, GraphBuilder, int, int64, type ReplicaSpec, type ReplicaStep } from '@verge/onnx';
import { openReplicas } from './replica-threads.js';

/** Four parameters p, two rows x: output x * p, loss its mean, "gradient" the mean of x, statistic the same. */
function gradientModel(): Uint8Array {
  const b = new GraphBuilder();
  b.input('p', 'float32', [4]);
  b.input('s', 'float32', [4]);
  b.input('x', 'float32', [2, 4]);
  b.initializer('axis', int64([1], [0]));
  b.node('Mul', ['x', 'p'], {}, 1, { outputNames: ['y'] });
  b.node('ReduceMean', ['y'], { keepdims: int(0) }, 1, { outputNames: ['loss'] });
  b.node('ReduceMean', ['x', 'axis'], { keepdims: int(0) }, 1, { outputNames: ['g'] });
  b.node('Add', ['s', 'g'], {}, 1, { outputNames: ['next.s'] });
  for (const [name, shape] of [
    ['loss', []],
    ['y', [2, 4]],
    ['g', [4]],
    ['next.s', [4]],
  ] as const)
    b.output(name, 'float32', [...shape]);
  return encodeModel(b.build());
}

/** next.p = p - g * scale * rate */
function updateModel(size: number): Uint8Array {
  const b = new GraphBuilder();
  for (const name of ['p', 'g']) b.input(name, 'float32', [size]);
  for (const name of ['scale', 'rate']) b.input(name, 'float32', []);
  const step = b.node('Mul', [b.node('Mul', ['g', 'scale']), 'rate']);
  b.node('Sub', ['p', step], {}, 1, { outputNames: ['next.p'] });
  b.output('next.p', 'float32', [size]);
  return encodeModel(b.build());
}

function spec(more: Partial<ReplicaSpec> = {}): ReplicaSpec {
  return {
    gradientModel: gradientModel(),
    gradient: 'g',
    scale: 'scale',
    loss: 'loss',
    output: 'y',
    outputSize: 8,
    vectors: [
      { name: 'p', initial: Float32Array.of(1, 1, 1, 1), kind: 'sharded' },
      { name: 's', initial: Float32Array.of(0, 0, 0, 0), kind: 'averaged' },
    ],
    size: 4,
    updates: [
      { from: 0, to: 3, model: updateModel(3) },
      { from: 3, to: 4, model: updateModel(1) },
    ],
    microBatches: 1,
    threads: 1,
    ...more,
  };
}

const batch = (value: number): ReplicaStep['feeds'][number] => [
  { x: float32([2, 4], new Float32Array(8).fill(value)) },
];
const step = (a: number, b: number): ReplicaStep => ({ feeds: [batch(a), batch(b)], scalars: { rate: 0.5 } });

/** A thread program: the real one, but replica 1 does something else at its second step. */
function program(misdeed: string): URL {
  const real = pathToFileURL(fileURLToPath(new URL('../../dist/parallel/replica-thread.js', import.meta.url))).href;
  const text = `import { parentPort, workerData } from 'node:worker_threads';
    let steps = 0;
    parentPort.on('message', (m) => {
      if (workerData.index === 1 && m.kind === 'step' && ++steps === 2) { ${misdeed} }
    });
    await import(${JSON.stringify(real)});`;
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

describe('openReplicas', () => {
  it('sums over all, updates every range, averages what is averaged', async () => {
    const pool = await openReplicas(spec());
    const { loss, output } = await pool.step(step(1, 3));
    expect(loss).toBe(2);
    expect([...output]).toEqual([...new Array<number>(8).fill(1), ...new Array<number>(8).fill(3)]);
    // 1 - (1 + 3) / 2 * 0.5
    expect([...pool.vectors.get('p')!]).toEqual([0, 0, 0, 0]);
    expect([...pool.vectors.get('s')!]).toEqual([2, 2, 2, 2]);
    await pool.close();
  });

  it('clips the mean gradient by its norm over all ranges', async () => {
    const pool = await openReplicas(spec({ maxGradientNorm: 1 }));
    await pool.step(step(1, 3));
    // The mean is (2, 2, 2, 2), of length 4: a quarter of it is applied.
    expect([...pool.vectors.get('p')!]).toEqual([0.75, 0.75, 0.75, 0.75]);
    await pool.close();
  });

  it('leaves the state alone when a loss is not finite', async () => {
    const pool = await openReplicas(spec());
    const { loss } = await pool.step(step(1, Infinity));
    expect(loss).toBe(Infinity);
    expect([...pool.vectors.get('p')!]).toEqual([1, 1, 1, 1]);
    expect([...pool.vectors.get('s')!]).toEqual([0, 0, 0, 0]);
    await pool.close();
  });

  it.each([
    ['ends', 'process.exit(7);', /replica 1 ended with 7/],
    ['throws', "throw new Error('out of luck');", /out of luck/],
  ])('says that a thread %s in the middle of a step, and ends the others', async (_, misdeed, message) => {
    const pool = await openReplicas(spec(), { program: program(misdeed) });
    await pool.step(step(1, 1));
    const failing = pool.step(step(1, 1));
    await expect(failing).rejects.toMatchObject({ name: 'RuntimeError', code: 'crashed' });
    await expect(failing).rejects.toThrow(message);
    await expect(pool.step(step(1, 1))).rejects.toMatchObject({ code: 'crashed' });
    await pool.close();
  });

  it('passes on what a run refuses', async () => {
    const pool = await openReplicas(spec());
    const wrong = { ...step(1, 1), feeds: [batch(1), [{ x: float32([1, 4], [1, 1, 1, 1]) }]] };
    await expect(pool.step(wrong)).rejects.toMatchObject({ code: 'bad-feed' });
    await pool.close();
    await expect(pool.step(step(1, 1))).rejects.toMatchObject({ code: 'bad-feed' });
  });

  it('refuses models that do not load, with no thread left', async () => {
    await expect(openReplicas(spec({ gradientModel: new Uint8Array(10) }))).rejects.toMatchObject({
      code: 'model-refused',
    });
  });
});
