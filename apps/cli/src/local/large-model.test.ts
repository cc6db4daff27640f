/** Models whose weights lie beside them, because they must (more than 2 GiB: in the full tests) or because a small limit asks for it. */
import { type FileHandle, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeModel, encodeModel, float32, GraphBuilder, loadExternalData, type Model } from '@verge/onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startVerge, temporaryFolder } from '../test-command.js';
import { writeModel } from './write-model.js';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

function chain(width: number, layers: number, make: (layer: number) => Float32Array): Model {
  const b = new GraphBuilder();
  let x = b.input('x', 'float32', ['n', width]);
  for (let i = 0; i < layers; i++) {
    const w = b.initializer(`w${i}`, float32([width, width], make(i)));
    x = b.node('Add', [
      b.node('MatMul', [x, w]),
      b.initializer(`b${i}`, float32([width], new Float32Array(width).fill(i))),
    ]);
    // A node that changes nothing, for a simplifier to find.
    x = b.node('Identity', [b.node('Relu', [x])]);
  }
  b.output(x, 'float32', ['n', width]);
  return b.build();
}

describe('a model that is written', () => {
  it('has its weights in a second file where one would be too large, and none of the two is left half-done', async () => {
    const path = join(folder, 'small.onnx');
    const model = chain(32, 2, (layer) => Float32Array.from({ length: 1024 }, (_, i) => Math.sin(i + layer)));
    const whole = await writeModel(path, model);
    expect(whole).toBe((await stat(path)).size);
    expect(decodeModel(await readFile(path))).toEqual(decodeModel(encodeModel(model)));
    const both = await writeModel(path, model, 1000);
    const data = await readFile(`${path}.data`);
    expect(both).toBe((await stat(path)).size + data.length);
    const read = loadExternalData(decodeModel(await readFile(path)), new Map([['small.onnx.data', data]]));
    for (const name of ['w0', 'w1'])
      expect(read.graph.initializers.get(name)!.value).toEqual(model.graph.initializers.get(name)!.value);
    await expect(writeModel(join(folder, 'none', 'x.onnx'), model, 1000)).rejects.toMatchObject({ code: 'usage' });
  });
});

/** Bytes of three square weights; a file of zeros with holes takes no room on the disk. */
const WIDTH = 14_336;
const LAYERS = 3;

async function hugeModel(path: string): Promise<void> {
  const small = chain(1, LAYERS, () => new Float32Array(1));
  const bytes = 4 * WIDTH * WIDTH;
  const initializers = [...small.graph.initializers].map(([name]) => {
    if (name.startsWith('b'))
      return [name, { name, value: float32([WIDTH], new Float32Array(WIDTH).fill(1)) }] as const;
    const external = { location: 'huge.data', offset: Number(name.slice(1)) * bytes, length: bytes };
    return [name, { name, value: { dtype: 'float32' as const, dims: [WIDTH, WIDTH], external } }] as const;
  });
  const sized = <T extends Model['graph']['inputs'][number]>(info: T): T => ({
    ...info,
    type: { kind: 'tensor', dtype: 'float32', shape: ['n', WIDTH] },
  });
  const { graph } = small;
  const large = {
    ...graph,
    inputs: graph.inputs.map(sized),
    outputs: graph.outputs.map(sized),
    values: new Map(),
    initializers: new Map<string, never>(initializers as never),
  };
  await writeFile(path, encodeModel({ ...small, graph: large }));
  const file: FileHandle = await open(join(folder, 'huge.data'), 'w');
  await file.truncate(LAYERS * bytes);
  // Something else than zeros, near the end, too.
  await file.write(Buffer.from(Float32Array.of(2).buffer), 0, 4, 0);
  await file.write(Buffer.from(Float32Array.of(3).buffer), 0, 4, LAYERS * bytes - 4);
  await file.close();
}

describe.runIf(process.env['VERGE_TEST_FULL'] !== undefined)('a model of more than 2 GiB', () => {
  it('goes through inspect, benchmark, simplify, partition, convert and extract', async () => {
    const model = join(folder, 'huge.onnx');
    await hugeModel(model);
    const run = async (...argv: string[]) => {
      const ended = await startVerge([...argv, '--json']).exit;
      expect(ended.code, `${argv[0]}: ${ended.stderr}`).toBe(0);
      return ended.json();
    };
    const elements = LAYERS * (WIDTH * WIDTH + WIDTH);
    expect(await run('inspect', '--model', model)).toMatchObject({ parameters: elements });
    expect(await run('benchmark', '--model', model, '--runs', '1', '--warmup', '0')).toMatchObject({ threads: 1 });
    const out = join(folder, 'out.onnx');
    const simplified = await run('simplify', '--model', model, '--out', out, '--verify', '1');
    expect(simplified).toMatchObject({ nodesBefore: 4 * LAYERS });
    expect(simplified['nodesAfter']).toBeLessThan(4 * LAYERS);
    // What was written is a model like the one that was read.
    expect(await run('inspect', '--model', out)).toMatchObject({ parameters: elements });
    await run('convert', '--model', out, '--opset', '13', '--out', join(folder, 'converted.onnx'));
    await run('partition', '--model', model, '--stages', '2', '--out', join(folder, 'stages'));
    const [first] = decodeModel(await readFile(model)).graph.nodes;
    await run('extract', '--model', model, '--to', first!.outputs[0]!, '--out', join(folder, 'part.onnx'));
  });
});
