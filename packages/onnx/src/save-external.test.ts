import { createSession } from './conformance/executor.js';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  encodeModel,
  externalLocations,
  float32,
  graphAttr,
  GraphBuilder,
  int64,
  loadExternalData,
  OnnxError,
  readExternalData,
  saveExternalData,
  tensorAttr,
  type ExternalChunk,
  type Model,
  type SaveExternalOptions,
  type Tensor,
} from './index.js';

const FILE = 'weights/net.data';

/** The file that the chunks make, which must come in order and without gaps. */
class Collected {
  private readonly chunks: Uint8Array[] = [];
  length = 0;
  largest = 0;

  readonly write = ({ offset, bytes }: ExternalChunk): void => {
    expect(offset).toBe(this.length);
    this.length += bytes.length;
    this.largest = Math.max(this.largest, bytes.length);
    this.chunks.push(bytes.slice());
  };

  file(): Uint8Array {
    const file = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.chunks) {
      file.set(chunk, at);
      at += chunk.length;
    }
    return file;
  }
}

const ramp = (n: number): Tensor =>
  float32(
    [n],
    Float32Array.from({ length: n }, (_, i) => i / 7),
  );

/** y = x + w + If(true, v, v) + constant, with a small initializer as well. */
function net(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [50]);
  const [w, half] = [b.initializer('w', ramp(50)), b.initializer('half', float32([], [0.5]))];
  const branch = (): GraphBuilder => new GraphBuilder(undefined, new Set(['x', 'w']));
  const branches = [branch(), branch()].map((inner) => {
    const v = inner.initializer('v', ramp(50));
    inner.output(inner.node('Identity', [v], {}, 1, { name: 'branch' }), 'float32', [50]);
    return graphAttr(inner.graph);
  });
  const condition = b.node('Greater', [b.node('ReduceSum', [x], { keepdims: undefined }), half]);
  const chosen = b.node('If', [b.node('Squeeze', [condition])], {
    then_branch: branches[0]!,
    else_branch: branches[1]!,
  });
  const constant = b.node('Constant', [], { value: tensorAttr(ramp(50)) });
  const sum = b.node('Sum', [x, w, chosen, constant, half]);
  b.output(sum, 'float32', [50]);
  return b.build();
}

async function save(model: Model, options: Partial<SaveExternalOptions> = {}): Promise<[Model, Collected]> {
  const collected = new Collected();
  const all = { location: FILE, threshold: 64, ...options };
  return [await saveExternalData(model, all, collected.write), collected];
}

describe('saving tensors beside the model', () => {
  it('moves large initializers to aligned places, and they come back', async () => {
    const model = net();
    const [moved, collected] = await save(model);
    const external = moved.graph.initializers.get('w')!.value;
    expect('external' in external && external.external).toEqual({ location: FILE, offset: 0, length: 200 });
    // What lies in branches and attributes stays, and so does what is small.
    expect(collected.length).toBe(200);
    expect('external' in moved.graph.initializers.get('half')!.value).toBe(false);
    const bytes = encodeModel(moved);
    expect(bytes.length).toBeLessThan(encodeModel(model).length - 100);
    const decoded = decodeModel(bytes);
    expect(externalLocations(decoded)).toEqual([FILE]);
    const loaded = loadExternalData(decoded, new Map([[FILE, collected.file()]]));
    expect(encodeModel(loaded)).toEqual(encodeModel(model));
  });

  it('writes files that ONNX Runtime reads', async () => {
    const [moved, collected] = await save(net());
    const externalData = new Map([[FILE, collected.file()]]);
    const x = float32([50], new Float32Array(50).fill(1));
    const results: Tensor[] = [];
    for (const [bytes, options] of [
      [encodeModel(net()), {}],
      [encodeModel(moved), { externalData }],
    ] as const) {
      const session = await createSession(bytes, options);
      results.push((await session.run({ x }))['Sum_out']!);
      await session.release();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[0]!.data[7]).toBeCloseTo(1 + 3 * 1 + 0.5, 5);
  });

  it('writes to a file on disk, from which each tensor is read by itself', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'external-'));
    const file = await open(join(folder, 'net.onnx.data'), 'w');
    const options = { location: 'net.onnx.data', threshold: 64 };
    const small = await saveExternalData(net(), options, async ({ offset, bytes }) => {
      await file.write(bytes, 0, bytes.length, offset);
    });
    await file.close();
    const decoded = decodeModel(encodeModel(small));
    const again = await open(join(folder, 'net.onnx.data'), 'r');
    const loaded = await readExternalData(decoded, async (location, offset, length) => {
      expect(location).toBe('net.onnx.data');
      const bytes = new Uint8Array(length);
      const { bytesRead } = await again.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    });
    await again.close();
    expect(encodeModel(loaded)).toEqual(encodeModel(net()));
    await rm(folder, { recursive: true });
  });

  it('moves tensors of attributes and branches only when asked to', async () => {
    const [moved, collected] = await save(net(), { everywhere: true });
    expect(collected.length).toBe(3 * 4096 + 200);
    const loaded = loadExternalData(moved, new Map([[FILE, collected.file()]]));
    expect(encodeModel(loaded)).toEqual(encodeModel(net()));
  });

  it('hands out views of at most a chunk, and pads with chunks too', async () => {
    const seen: Uint8Array[] = [];
    const b = new GraphBuilder();
    const data = new Float32Array(1000);
    b.initializer('a', float32([1000], data));
    b.initializer('b', ramp(20));
    b.output(b.node('Concat', ['a', 'b'], { axis: { kind: 'int', value: 0n } }), 'float32', [1020]);
    const options = { location: FILE, threshold: 80, alignment: 65536, chunk: 512 };
    await saveExternalData(b.build(), options, ({ bytes }) => void seen.push(bytes));
    expect(Math.max(...seen.map((s) => s.length))).toBe(512);
    expect(seen.reduce((sum, s) => sum + s.length, 0)).toBe(65536 + 80);
    expect(seen.slice(0, 8).every((s) => s.buffer === data.buffer)).toBe(true);
  });

  it('stores tensors that share memory once', async () => {
    const b = new GraphBuilder();
    const data = new Float32Array(100).fill(3);
    for (const name of ['a', 'b']) b.initializer(name, float32([100], data));
    b.output(b.node('Add', ['a', 'b']), 'float32', [100]);
    const [moved, collected] = await save(b.build());
    expect(collected.length).toBe(400);
    const places = [...moved.graph.initializers.values()].map(
      ({ value }) => 'external' in value && value.external.offset,
    );
    expect(places).toEqual([0, 0]);
  });

  it('waits for the writer, and passes its failure on', async () => {
    let busy = false;
    const slow = async (): Promise<void> => {
      expect(busy).toBe(false);
      busy = true;
      await new Promise((resolve) => setTimeout(resolve, 1));
      busy = false;
    };
    await saveExternalData(net(), { location: FILE, threshold: 64, chunk: 100 }, slow);
    const failing = saveExternalData(net(), { location: FILE, threshold: 64 }, () =>
      Promise.reject(new Error('disk full')),
    );
    await expect(failing).rejects.toThrow('disk full');
  });

  it.each([
    ['a path outside of the folder', { location: '../net.data' }, 'tensor-data'],
    ['an absolute path', { location: '/net.data' }, 'tensor-data'],
    ['an empty path', { location: '' }, 'tensor-data'],
    ['an alignment of nothing', { location: FILE, alignment: 0 }, 'build'],
    ['half a byte', { location: FILE, chunk: 0.5 }, 'build'],
  ] as const)('refuses %s', async (_, options, code) => {
    const refused = saveExternalData(net(), options, () => undefined);
    await expect(refused).rejects.toBeInstanceOf(OnnxError);
    await expect(refused).rejects.toMatchObject({ code });
  });

  it('does not write over a file that holds other tensors of the model', async () => {
    const [moved] = await save(net());
    moved.graph.initializers.set('more', { name: 'more', value: ramp(400) });
    await expect(save(moved)).rejects.toMatchObject({ code: 'tensor-data' });
    const [twice, collected] = await save(moved, { location: 'more.data' });
    expect(externalLocations(twice)).toEqual([FILE, 'more.data']);
    expect(collected.length).toBe(1600);
  });

  it.skipIf(!process.env['VERGE_TEST_FULL'])(
    'writes models of more than 2 GiB',
    async () => {
      const b = new GraphBuilder();
      const rows = 2 ** 20;
      // Memory that nobody writes to takes no room, so three tensors of 1 GiB are cheap.
      const tables = [1, 2, 3].map((k) => {
        const data = new Float32Array(rows * 256);
        data[data.length - 1] = k;
        return b.initializer(`table${k}`, float32([rows, 256], data));
      });
      const row = b.constant(int64([], [rows - 1]));
      const picked = tables.map((table) => b.node('Gather', [table, row]));
      b.output(b.node('Sum', picked), 'float32', [256]);
      const model = b.build();
      expect(() => encodeModel(model)).toThrow(/2 GiB/);
      const [file, zeros] = [new Uint8Array(3 * 2 ** 30), new Uint8Array(2 ** 26)];
      const moved = await saveExternalData(model, { location: FILE }, ({ offset, bytes }) => {
        if (Buffer.compare(bytes, zeros.subarray(0, bytes.length)) !== 0) file.set(bytes, offset);
      });
      const small = encodeModel(moved);
      expect(small.length).toBeLessThan(1000);
      const loaded = loadExternalData(decodeModel(small), new Map([[FILE, file]]));
      const last = [1, 2, 3].map((k) => {
        const { value } = loaded.graph.initializers.get(`table${k}`)!;
        return 'external' in value || value.dtype !== 'float32' ? NaN : value.data.at(-1);
      });
      expect(last).toEqual([1, 2, 3]);
      const session = await createSession(small, { externalData: new Map([[FILE, file]]) });
      const { Sum_out: sum } = await session.run({});
      await session.release();
      expect(sum!.data[255]).toBe(6);
    },
    300_000,
  );
});
