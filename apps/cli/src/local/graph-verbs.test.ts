import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel, encodeModel, float32, GraphBuilder, int, int64, ints } from '@verge/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, verge } from '../test-command.js';

let folder: string;
const at = (name: string): string => join(folder, name);
const ramp = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i));

beforeAll(async () => {
  folder = await temporaryFolder();
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 2, 8, 8]);
  let y = b.node('Identity', [x]);
  for (let i = 0; i < 3; i++) {
    const w = b.constant(float32([4, i ? 4 : 2, 3, 3], ramp(i ? 144 : 72)));
    const conv = b.node('Conv', [y, w], { pads: ints([1, 1, 1, 1]) }, 1, { name: `conv${i}` });
    y = b.node('Relu', [b.node('Mul', [conv, b.constant(float32([4, 1, 1], [1, 2, 3, 4]))])]);
  }
  const flat = b.node('Flatten', [y], { axis: int(1) });
  b.output(b.node('Reshape', [flat, b.constant(int64([2], [0, 256]))], {}, 1, { outputNames: ['y'] }), 'float32', [
    'n',
    256,
  ]);
  await writeFile(at('model.onnx'), encodeModel(b.build({ name: 'three' })));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const model = (): string[] => ['--model', at('model.onnx')];

describe('verge simplify', () => {
  it('writes a smaller model with the same numbers and says which rules did it', async () => {
    const { code, stdout } = await verge('simplify', ...model(), '--out', at('small.onnx'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/constant-into-conv +3 +3/);
    expect(stdout).toMatch(/12 before, 7 after/);
    const small = decodeModel(await readFile(at('small.onnx')));
    expect(small.graph.nodes.map((n) => n.op)).toEqual(['Conv', 'Relu', 'Conv', 'Relu', 'Conv', 'Relu', 'Flatten']);
  });

  it('is exact without fusions, and answers scripts in JSON', async () => {
    const args = ['--out', at('exact.onnx'), '--no-fuse', '--tolerance', '0', '--dim', 'n=2', '--json'];
    const report = (await verge('simplify', ...model(), ...args)).json<{
      nodesAfter: number;
      comparison: { absolute: number; runs: number };
    }>();
    expect(report).toMatchObject({ nodesAfter: 10, comparison: { absolute: 0, runs: 3 } });
    expect(decodeModel(await readFile(at('exact.onnx'))).graph.inputs[0]!.type).toMatchObject({ shape: [2, 2, 8, 8] });
  });

  it('advises when the model does not run on what was drawn for it', async () => {
    const b = new GraphBuilder();
    const far = b.node('Gather', [b.input('x', 'float32', ['n']), b.constant(int64([], [500]))]);
    b.output(b.node('Relu', [far]), 'float32', []);
    await writeFile(at('far.onnx'), encodeModel(b.build()));
    const args = ['simplify', '--model', at('far.onnx'), '--out', at('far-small.onnx')];
    const refused = await verge(...args);
    expect([refused.code, refused.stderr.includes('--verify-dim name=size')]).toEqual([2, true]);
    expect(refused.stderr).toContain('none of 8 sizes tried for n (1, 2, 8, 16, 32, 64, 224, 0)');
    expect((await verge(...args, '--verify-dim', 'n=501')).code).toBe(0);
  });

  it('refuses values for inputs that are not there', async () => {
    const args = ['--out', at('never.onnx'), '--fill', 'z=1', '--json'];
    const { code, stderr } = await verge('simplify', ...model(), ...args);
    expect(code).toBe(2);
    expect(stderr).toContain('no input z');
    await expect(readFile(at('never.onnx'))).rejects.toThrow();
  });
});

describe('verge partition', () => {
  it('writes a model for each stage, and the costs may be measured', async () => {
    const report = (await verge('partition', ...model(), '--stages', '3', '--out', at('stages'), '--json')).json<{
      stages: { file: string; inputs: string[]; outputs: string[] }[];
      balance: number;
    }>();
    expect(report.stages.map((s) => s.file)).toEqual(['stage-1.onnx', 'stage-2.onnx', 'stage-3.onnx']);
    expect(report.stages[1]!.inputs).toEqual(report.stages[0]!.outputs);
    for (const { file, inputs } of report.stages) {
      const stage = decodeModel(await readFile(join(at('stages'), file)));
      expect(stage.graph.inputs.map((i) => i.name)).toEqual(inputs);
    }
    await writeFile(at('costs.json'), JSON.stringify({ conv0: 1, conv2: 1 }));
    const args = ['--stages', '2', '--out', at('stages'), '--force', '--costs', at('costs.json'), '--json'];
    expect((await verge('partition', ...model(), ...args)).json()).toMatchObject({ balance: 1, bottleneck: 1 });
    const timed = ['--stages', '2', '--out', at('stages'), '--force', '--measure', '3', '--json'];
    // Milliseconds of kernels: far below the estimate, which counts operations.
    const measured = (await verge('partition', ...model(), ...timed)).json<{ bottleneck: number }>();
    expect(measured.bottleneck > 0 && measured.bottleneck < 1000).toBe(true);
    expect((await verge('partition', ...model(), ...timed, '--costs', at('costs.json'))).code).toBe(2);
    expect((await verge('partition', ...model(), '--stages', '99', '--out', at('more'))).code).toBe(2);
  });
});

describe('verge inspect', () => {
  it('draws the graph into files beside what it prints', async () => {
    const { code, stdout } = await verge('inspect', ...model(), '--svg', at('g.svg'), '--html', at('g.html'));
    expect([code, stdout.includes('activation peak')]).toEqual([0, true]);
    const [svg, html] = await Promise.all([readFile(at('g.svg'), 'utf8'), readFile(at('g.html'), 'utf8')]);
    expect(svg).toMatch(/^<svg /);
    expect(svg.match(/class="node"/g)!.length).toBe(12 + 2);
    expect(html).toContain(svg.trim());
    expect(html).toMatch(/<td>conv0<\/td><td>Conv<\/td><td>1×4×8×8<\/td>/);
  });
});

it('verge inspect says what is not known, and why, beside what is', async () => {
  const b = new GraphBuilder();
  const product = b.node('MatMul', [b.input('x', 'float32', [2, 3]), b.constant(float32([3, 4], ramp(12)))]);
  b.output(b.node('Twist', [product], {}, 1, { domain: 'org.example', name: 'twist' }), 'float32', [2, 4]);
  await writeFile(at('twist.onnx'), encodeModel(b.build({ opsets: { 'org.example': 1 } })));
  const { code, stdout } = await verge('inspect', '--model', at('twist.onnx'));
  expect([code, /^MACs +\?$/m.test(stdout), /^parameters +12$/m.test(stdout)]).toEqual([0, true, true]);
  expect(stdout).toMatch(/^twist +what org.example.Twist multiplies is not known$/m);
});

it('verge inspect --measure asks ONNX Runtime what an operator without a row gives', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['n', 8]);
  b.node('UnfoldTensor', [x], { size: int(3) }, 1, { domain: 'com.microsoft', outputNames: ['windows'] });
  b.graph.outputs = [{ name: b.node('MatMul', ['windows', b.constant(float32([3, 2], ramp(6)))]), type: null }];
  await writeFile(at('windows.onnx'), encodeModel(b.build({ opsets: { 'com.microsoft': 1 } })));
  const args = ['inspect', '--model', at('windows.onnx')];
  expect((await verge(...args)).stdout).toMatch(/MatMul +\? +6 +\?$/m);
  const { stdout } = await verge(...args, '--measure');
  expect(stdout).toMatch(/MatMul +\[1, 6, 2\] +6 +36$/m);
  expect(stdout).toContain('measured: windows float32 [n, 6, 3], at n = 1 and 3');
  const other = new GraphBuilder();
  other.node('Twist', [other.input('x', 'float32', [2])], {}, 1, { domain: 'org.example', outputNames: ['y'] });
  other.graph.outputs = [{ name: 'y', type: null }];
  await writeFile(at('refused.onnx'), encodeModel(other.build({ opsets: { 'org.example': 1 } })));
  const refused = await verge('inspect', '--model', at('refused.onnx'), '--measure');
  expect([refused.code, /^measured: not possible: .*Twist/m.test(refused.stdout)]).toEqual([0, true]);
});

describe('a model that breaks rules which executors let pass', () => {
  const broken = (): string => at('broken.onnx');
  beforeAll(async () => {
    const b = new GraphBuilder();
    const t = b.node('Neg', [b.input('x', 'float32', [-1, 2])], {}, 1, { outputNames: ['t'] });
    b.output(b.node('Abs', [t], {}, 1, { outputNames: ['y'] }), 'float32', [-1, 3]);
    const built = b.build();
    const graph = { ...built.graph, nodes: built.graph.nodes.toReversed() };
    await writeFile(broken(), encodeModel({ ...built, graph, repeatedOpsets: [''] }));
  });

  it.each([
    ['inspect', []],
    ['simplify', ['--out', 'small-broken.onnx']],
    ['partition', ['--out', 'broken-stages', '--stages', '2']],
  ])('%s repairs it and says so, and refuses it when strict', async (verb, options) => {
    const args = [verb, '--model', broken(), ...options.map((o) => (/^(small|broken)-/.test(o) ? at(o) : o))];
    const report = (await verge(...args, '--json')).json<{ repairs: { code: string }[]; claims: { kind: string }[] }>();
    const codes = ['negative-dimension', 'negative-dimension', 'opset-repeated', 'topological-order'];
    expect(report.repairs.map((r) => r.code).sort()).toEqual(codes);
    expect(report.claims.map((c) => c.kind)).toEqual(['contradicted']);
    const { stdout } = await verge(...args, ...(verb === 'partition' ? ['--force'] : []));
    expect(stdout).toMatch(/repaired +the operator set of ai\.onnx is imported more than once; /);
    expect(stdout).toMatch(/not as declared +"y" \(Abs\) is declared float32\[\?,3\], but is float32\[x\[0\],2\]/);
    const refused = await verge(...args, '--strict');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/opset-repeated.*topological-order.*negative-dimension.*declared-type/);
  });
});

describe('what graph verbs refuse', () => {
  it.each([
    ['inspect', ['--dim', 'batch=2'], '--dim'],
    ['simplify', ['--out', 'x.onnx', '--dim', 'batch=2'], '--dim'],
    ['simplify', ['--out', 'x.onnx', '--verify-dim', 'batch=2'], '--verify-dim'],
    ['partition', ['--out', 'x', '--stages', '2', '--dim', 'batch=2'], '--dim'],
  ])('%s %j: sizes that no input has', async (verb, args, option) => {
    const { code, stderr } = await verge(verb, ...model(), ...args);
    expect(code).toBe(2);
    expect(stderr).toBe(`verge: ${option}: no input has a size called 'batch'\n  there are n\n`);
  });

  it('a file in a folder that is not there', async () => {
    const { code, stderr } = await verge('inspect', ...model(), '--svg', at('no/graph.svg'));
    expect(code).toBe(2);
    expect(stderr).toContain(`cannot write '${at('no/graph.svg')}'`);
  });
});
