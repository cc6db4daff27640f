/** What models are fed by verbs that have no data: sizes that nobody said, `--dim` and `--input`. */
import { access, copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeModel, float32, GraphBuilder, int64 } from '@verge/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, verge } from '../test-command.js';

const cases = fileURLToPath(new URL('cases', import.meta.url));
let folder: string;
const at = (name: string): string => join(folder, name);

/** Reads element 10 of the first axis, so 16 is the first size that runs; ids choose rows of a table. */
function needsSixteen(): Uint8Array {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', null]);
  const ids = b.input('ids', 'int64', ['n']);
  const tenth = b.node('Gather', [x, b.constant(int64([], [10]))]);
  const row = b.node('Gather', [b.constant(float32([4, 1], [1, 2, 3, 4])), ids]);
  b.output(b.node('Add', [b.node('Add', [tenth, row]), b.constant(float32([1], [0]))]), 'float32', null);
  return encodeModel(b.build());
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(at('sixteen.onnx'), needsSixteen());
  for (const name of ['huge_declared_input', 'skl2onnx_knn', 'sequence_out', 'strings'])
    await copyFile(join(cases, `${name}.onnx`), at(`${name}.onnx`));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

interface Benchmark {
  inputs: { name: string; shape: number[] }[];
  assumed: Record<string, number>;
  repairs: string[];
  p50Ms: number;
}
const quick = ['--runs', '2', '--warmup', '0', '--json'];
const benchmark = (name: string, ...args: string[]) => verge('benchmark', '--model', at(name), ...quick, ...args);

describe('verge benchmark', () => {
  it('finds sizes that run, and says which', async () => {
    const found = (await benchmark('sixteen.onnx')).json<Benchmark>();
    expect(found.assumed).toEqual({ n: 16, 'x[1]': 16 });
    expect(found.inputs.map((i) => [i.name, i.shape])).toEqual([
      ['x', [16, 16]],
      ['ids', [16]],
    ]);
    const text = await verge('benchmark', '--model', at('sixteen.onnx'), '--runs', '2', '--warmup', '0');
    expect(text.stdout).toMatch(/assumed +n = 16, x\[1\] = 16/);
  });

  it('takes sizes, shapes and files', async () => {
    const sized = (await benchmark('sixteen.onnx', '--dim', 'n=11', '--dim', 'x[1]=5')).json<Benchmark>();
    expect([sized.assumed, sized.inputs[0]!.shape]).toEqual([{}, [11, 5]]);
    const shaped = (await benchmark('sixteen.onnx', '--input', 'x=11x2')).json<Benchmark>();
    expect([shaped.assumed, shaped.inputs.map((i) => i.shape)]).toEqual([{}, [[11, 2], [11]]]);
    const filed = (await benchmark('sixteen.onnx', '--input', `ids=${join(cases, 'ids.npy')}`)).json<Benchmark>();
    expect([filed.assumed, filed.inputs.map((i) => i.shape)]).toEqual([{ 'x[1]': 1 }, [[12, 1], [12]]]);
    const both = (await benchmark('sixteen.onnx', '--input', join(cases, 'both.npz'))).json<Benchmark>();
    expect([both.assumed, both.inputs.map((i) => i.shape)]).toEqual([{}, [[12, 3], [12]]]);
    expect(both.repairs).toEqual([expect.stringMatching(/float64 and was turned into float32/)]);
  });

  it('says what it cannot use, all at once', async () => {
    const wrong = await benchmark(
      'sixteen.onnx',
      '--input',
      'z=2x2',
      '--input',
      '7x7',
      '--input',
      `x=${at('none.npy')}`,
    );
    expect([wrong.code, wrong.stderr + wrong.stdout]).toEqual([4, expect.stringContaining('none.npy')]);
    const names = await benchmark('sixteen.onnx', '--input', 'z=2x2', '--input', '7x7');
    expect(names.code).toBe(2);
    expect(names.stdout + names.stderr).toMatch(/no input 'z'[^]*which input is 7x7\?[^]*'x', 'ids'/);
    const misfit = await benchmark('sixteen.onnx', '--input', 'x=3');
    expect([misfit.code, misfit.stdout + misfit.stderr]).toEqual([2, expect.stringContaining('[3] does not fit')]);
    const dims = await benchmark('sixteen.onnx', '--dim', 'm=3');
    expect([dims.code, dims.stdout + dims.stderr]).toEqual([2, expect.stringContaining('there are n, x[1]')]);
    const form = await benchmark('sixteen.onnx', '--input', 'x=1x');
    expect([form.code, form.stdout + form.stderr]).toEqual([2, expect.stringContaining('name=1x3x224x224')]);
  });

  it('allocates nothing for a file that declares a thousand million rows', async () => {
    const before = process.memoryUsage.rss();
    const refused = await benchmark('huge_declared_input.onnx');
    expect(refused.code).toBe(2);
    expect(refused.stdout + refused.stderr).toMatch(/4,000,000,012 elements[^]*--dim name=size/);
    expect(process.memoryUsage.rss() - before).toBeLessThan(500e6);
  });

  it('runs what has outputs that are no tensors, and says how', async () => {
    const knn = (await benchmark('skl2onnx_knn.onnx')).json<Benchmark>();
    expect(knn.repairs).toEqual([expect.stringMatching(/'output_probability' is run without ZipMap.*0, 1, 2/)]);
    const sequence = (await benchmark('sequence_out.onnx')).json<Benchmark>();
    expect(sequence.repairs).toEqual([expect.stringMatching(/'q' is a sequence of tensors.*q, q.sizes, q.ranks/)]);
    expect((await benchmark('strings.onnx')).code).toBe(0);
  });
});

describe('verge simplify', () => {
  const simplify = (name: string, ...args: string[]) =>
    verge('simplify', '--model', at(name), '--out', at('out.onnx'), ...args);

  it('checks at sizes that run, and takes values from a file', async () => {
    const report = (await simplify('sixteen.onnx', '--json')).json<{ comparison: { assumed: unknown } }>();
    expect(report.comparison.assumed).toEqual({ n: 16, 'x[1]': 16 });
    const given = await simplify('sixteen.onnx', '--input', join(cases, 'both.npz'));
    expect(given.stdout).toMatch(/assumed +-\n/);
    expect(given.stdout).toMatch(/note +.*both.npz:x' is float64/);
  });

  it('draws nothing for a file that declares a thousand million rows', async () => {
    const refused = await simplify('huge_declared_input.onnx');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/4,000,000,012 elements[^]*--verify 0/);
    expect((await simplify('huge_declared_input.onnx', '--verify', '0')).code).toBe(0);
  });

  it.runIf(process.arch === 'x64')('goes on when the model ends the process that checks it', async () => {
    const b = new GraphBuilder();
    const scalar = (n: number): string => b.constant({ dtype: 'int32', dims: [1], data: Int32Array.of(n) });
    // -2^31 / -1 traps, and the divisor is -1 for every input that is drawn.
    const one = scalar(1);
    const minusOne = b.node('Neg', [b.node('Min', [b.node('Max', [b.input('x', 'int32', ['n']), one]), one])]);
    b.output(b.node('Div', [scalar(-(2 ** 31)), minusOne]), 'int32', ['n']);
    await writeFile(at('traps.onnx'), encodeModel(b.build()));
    await rm(at('out.onnx'), { force: true });
    const { code, stderr } = await simplify('traps.onnx');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/ended the process that it ran in[^]*SIGFPE/)]);
    await expect(access(at('out.onnx'))).rejects.toThrow();
    expect((await benchmark('traps.onnx')).stdout).toMatch(/"reason": "crashed"/);
  });
});

describe('verge partition --measure', () => {
  const partition = (...args: string[]) =>
    verge(
      'partition',
      '--model',
      at('sixteen.onnx'),
      '--stages',
      '2',
      '--force',
      '--out',
      at('stages'),
      ...args,
      '--json',
    );

  it('measures at sizes that run, or those that are given', async () => {
    const found = (await partition('--measure', '2')).json<{ assumed: unknown; notes: string[] }>();
    expect(found.assumed).toEqual({ n: 16, 'x[1]': 16 });
    const given = (await partition('--measure', '2', '--input', join(cases, 'both.npz'))).json<{ notes: string[] }>();
    expect(given).toMatchObject({ assumed: {}, notes: [expect.stringMatching(/float64/)] });
    expect((await partition('--input', 'x=12x3')).code).toBe(2);
    expect((await partition('--dim', 'n=12')).json()).toMatchObject({ assumed: { 'x[1]': 1 } });
  });
});
