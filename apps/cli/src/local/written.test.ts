/** The verbs that write a part of a model, or the model in another operator set. */
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel, encodeModel, float32, GraphBuilder, int, int64, type Model, opsetVersion } from '@verge/onnx';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder, verge } from '../test-command.js';

let folder: string;
const at = (name: string): string => join(folder, name);
const written = async (): Promise<Model> => decodeModel(await readFile(at('out.onnx')));

beforeAll(async () => {
  folder = await temporaryFolder();
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 3, 4]);
  b.node('LayerNormalization', [x, b.constant(float32([4], [1, 2, 3, 4]))], {}, 1, { outputNames: ['normal'] });
  b.node('Softmax', ['normal'], { axis: int(1) }, 1, { outputNames: ['weights'] });
  b.output(b.node('Mul', ['weights', x], {}, 1, { outputNames: ['y'] }), 'float32', ['n', 3, 4]);
  // One axis that has to be 2.
  const two = b.node('Reshape', [b.input('pair', 'float32', ['m']), b.constant(int64([2], [-1, 2]))]);
  b.output(b.node('ReduceSum', [two, b.constant(int64([1], [1]))], {}, 1, { outputNames: ['sum'] }), 'float32', null);
  await writeFile(at('model.onnx'), encodeModel(b.build({ opset: 17, irVersion: 8 })));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));
beforeEach(async () => rm(at('out.onnx'), { force: true }));

const run = (verb: string, ...args: string[]) =>
  verge(verb, '--model', at('model.onnx'), '--out', at('out.onnx'), ...args);

describe('verge convert', () => {
  it('writes the model in a lower operator set, and says what is written otherwise and how far it is off', async () => {
    const { code, stdout } = await run('convert', '--opset', '12');
    expect(code).toBe(0);
    expect(stdout).toMatch(/LayerNormalization +1[^]*operator set +17 before, 12 after[^]*numbers +3 sets/);
    expect(stdout).toMatch(/assumed +n = 2, m = 2|assumed +n = 1, m = 2/);
    const model = await written();
    expect([opsetVersion(model), model.graph.nodes.some((n) => n.op === 'LayerNormalization')]).toEqual([12, false]);
  });

  it('goes up, keeps some outputs alone, and answers scripts in JSON', async () => {
    const args = ['--opset', '21', '--output', 'y', '--dim', 'n=5', '--json'];
    const report = (await run('convert', ...args)).json<{ comparison: { assumed: unknown; within: boolean } }>();
    expect(report).toMatchObject({ from: 17, to: 21, changed: [], comparison: { assumed: {}, within: true } });
    expect((await written()).graph.outputs.map((o) => o.name)).toEqual(['y']);
  });

  it('writes nothing when a node cannot be said, and names each', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 2]);
    b.output(
      b.node('Einsum', [x], { equation: { kind: 'string', value: 'ij->ji' } }, 1, { name: 'turn' }),
      'float32',
      null,
    );
    await writeFile(at('einsum.onnx'), encodeModel(b.build({ opset: 17 })));
    const refused = await verge('convert', '--model', at('einsum.onnx'), '--opset', '9', '--out', at('out.onnx'));
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining("Einsum 'turn': there is no Einsum in 9"),
    ]);
    await expect(access(at('out.onnx'))).rejects.toThrow();
    expect((await run('convert', '--opset', '6')).stderr).toContain('7 to 27 are converted');
    expect((await run('convert', '--opset', '12', '--dim', 'k=2')).stderr).toContain('there are n, m');
  });
});

describe('verge extract', () => {
  it('writes the part between values, and checks it on what the whole has there', async () => {
    const { code, stdout } = await run('extract', '--from', 'normal,x', '--to', 'y');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/inputs +normal float32 \[n, 3, 4\]; x float32[^]*nodes +2 of 5/),
    ]);
    expect(stdout).toMatch(/numbers +1 sets of random inputs: equal|numbers +1 sets of random inputs: at most/);
    const { graph } = await written();
    expect([graph.inputs.map((i) => i.name), graph.nodes.map((n) => n.op)]).toEqual([
      ['normal', 'x'],
      ['Softmax', 'Mul'],
    ]);
  });

  it('keeps what an output needs where no input is named', async () => {
    const report = (await run('extract', '--to', 'sum', '--no-verify', '--json')).json();
    expect(report).toMatchObject({ inputs: ['pair'], outputs: ['sum'], nodes: 2, comparison: null });
  });

  it('names what is not there and what would be missing', async () => {
    const unknown = await run('extract', '--from', 'norm', '--to', 'y');
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('there is no value "norm" ("normal"?)'),
    ]);
    const missing = await run('extract', '--from', 'normal', '--to', 'y');
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('"x" must be fed too')]);
    await expect(access(at('out.onnx'))).rejects.toThrow();
  });
});
