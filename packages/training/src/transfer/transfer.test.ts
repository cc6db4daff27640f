import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, float32, GraphBuilder, int, int64, ints, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { exportInference, foldNormalization } from '../export.js';
import { fit } from '../fit.js';
import { findParameters, findStatistics, floatsOf } from '../parameters.js';
import { predict } from '../predict.js';
import { Random } from '../random.js';
import { replaceHead } from './head.js';
import { freeze, reinitialise } from './layers.js';

const floats = (model: Model, name: string): Float32Array => floatsOf(model.graph.initializers.get(name))!;

const resnet = buildArchitecture('resnet', { input: [1, 8, 8], classes: 10 }, 1);

describe('freeze', () => {
  it('keeps what it names and refuses names of nothing', () => {
    const [first, second] = [...findParameters(resnet.graph).keys()];
    const trainable = freeze(resnet, [first!]);
    expect([first!, second!].map(trainable)).toEqual([false, true]);
    expect(() => freeze(resnet, ['nothing*', first!, 'else'])).toThrow(
      expect.objectContaining({ code: 'bad-options', problems: expect.objectContaining({ length: 2 }) as unknown }),
    );
    expect(() => freeze(resnet, ['*'])).toThrow(expect.objectContaining({ code: 'bad-options' }));
  });
});

describe('reinitialise', () => {
  it('draws weights anew, by seed, and leaves the others alone', () => {
    const roles = findParameters(resnet.graph);
    const conv = resnet.graph.nodes.filter((n) => n.op === 'Conv').at(-1)!.inputs[1]!;
    const [once, again, other] = [1, 1, 2].map((seed) => reinitialise(resnet, [conv], seed));
    expect(floats(once!, conv)).toEqual(floats(again!, conv));
    expect(floats(once!, conv)).not.toEqual(floats(other!, conv));
    for (const name of roles.keys()) if (name !== conv) expect(floats(once!, name)).toBe(floats(resnet, name));
    const dims = once!.graph.initializers.get(conv)!.value.dims;
    const bound = Math.sqrt(6 / ((dims[0]! + dims[1]!) * dims[2]! * dims[3]!));
    const most = floats(once!, conv).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    expect(most).toBeLessThanOrEqual(bound);
    expect(most).toBeGreaterThan(bound * 0.95);
  });

  it('gives a normalisation fresh statistics', () => {
    const bn = resnet.graph.nodes.find((n) => n.op === 'BatchNormalization')!;
    const moved = new Map(findStatistics(resnet.graph).map((name) => [name, floats(resnet, name).map(() => 3)]));
    const used = exportInference(resnet, moved);
    const fresh = reinitialise(used, [bn.inputs[1]!]);
    expect(new Set(floats(fresh, bn.inputs[3]!))).toEqual(new Set([0]));
    expect(new Set(floats(fresh, bn.inputs[4]!))).toEqual(new Set([1]));
    const untouched = findStatistics(resnet.graph).filter((name) => !bn.inputs.includes(name));
    for (const name of untouched) expect(floats(fresh, name)[0]).toBe(3);
  });
});

/** x [N, 4] -> product (+ bias) -> shape */
function tail(build: (b: GraphBuilder, x: string) => string): Model {
  const b = new GraphBuilder();
  b.output(build(b, b.input('x', 'float32', ['N', 4])), 'float32', ['N', 6]);
  return b.build();
}

async function widthOf(model: Model): Promise<readonly number[]> {
  const session = await createSession(encodeModel(model));
  const type = model.graph.inputs[0]!.type;
  const dims = [2, ...(type?.kind === 'tensor' ? type.shape! : []).slice(1).map(Number)];
  const x = float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.1));
  const out = (await session.run({ [session.inputNames[0]!]: x }))[session.outputNames[0]!]!;
  await session.release();
  return out.dims;
}

describe('replaceHead', () => {
  it('finds a product with a bias added behind it, and a shape that names the classes', async () => {
    const model = tail((b, x) => {
      const product = b.node('MatMul', [x, b.constant(float32([4, 6], new Float32Array(24)))]);
      const biased = b.node('Add', [product, b.constant(float32([6], new Float32Array(6)))]);
      return b.node('Softmax', [b.node('Reshape', [biased, b.constant(int64([2], [-1, 6]))])]);
    });
    const { model: replaced, parameters } = replaceHead(model, { classes: 3 });
    expect(parameters).toHaveLength(2);
    expect(await widthOf(replaced)).toEqual([2, 3]);
    expect(replaced.graph.outputs[0]!.type).toMatchObject({ shape: ['N', 3] });
  });

  it('finds a layer behind arithmetic, a normalisation, casts and shapes in Constant nodes', async () => {
    const model = tail((b, x) => {
      const six = (value: number): string => b.constant(float32([6], new Float32Array(6).fill(value)));
      const product = b.node('MatMul', [x, b.constant(float32([4, 6], new Float32Array(24).fill(0.1)))]);
      const norm = b.node('BatchNormalization', [product, six(2), six(1), six(0.5), six(3)]);
      const scaled = b.node('Mul', [b.constant(float32([], [0.5])), b.node('Div', [norm, six(2)])]);
      const shape = { kind: 'tensor', value: { name: '', value: int64([3], [-1, 6, 1]) } } as const;
      const wide = b.node('Reshape', [
        b.node('Cast', [scaled], { to: int(1) }),
        b.node('Constant', [], { value: shape }),
      ]);
      const again = b.node('Unsqueeze', [wide, b.constant(int64([1], [0]))]);
      return b.node('Squeeze', [b.node('Squeeze', [again, b.constant(int64([1], [0]))]), b.constant(int64([1], [2]))]);
    });
    const { model: replaced, parameters } = replaceHead(model, { classes: 3 });
    expect(parameters).toHaveLength(4);
    expect(await widthOf(replaced)).toEqual([2, 3]);
    const bn = replaced.graph.nodes.find((n) => n.op === 'BatchNormalization')!;
    const values = bn.inputs.slice(1).map((name) => [...floats(replaced, name)]);
    expect(values).toEqual([
      [1, 1, 1],
      [0, 0, 0],
      [0, 0, 0],
      [1, 1, 1],
    ]);
    const both = tail((b, x) => {
      const half = (): string => b.node('MatMul', [x, b.constant(float32([4, 6], new Float32Array(24)))]);
      return b.node('Add', [half(), half()]);
    });
    expect(() => replaceHead(both, { classes: 3 })).toThrow('(Add) joins two branches');
  });

  /** x [N, 2, 4, 4] -> logits for 6 classes at places of one or two scales. */
  function places(build: (b: GraphBuilder, x: string) => string): Model {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', ['N', 2, 4, 4]);
    b.output(build(b, x), 'float32', null);
    return b.build();
  }
  const filter = (b: GraphBuilder, ...dims: number[]): string =>
    b.constant(float32(dims, new Float32Array(dims.reduce((a, d) => a * d, 1)).fill(0.1)));

  it('finds a transposed convolution', async () => {
    const model = places((b, x) =>
      b.node('ConvTranspose', [x, filter(b, 2, 6, 2, 2), filter(b, 6)], { strides: ints([2, 2]) }),
    );
    const { model: replaced, parameters } = replaceHead(model, { classes: 3 });
    const dims = parameters.map((name) => replaced.graph.initializers.get(name)!.value.dims);
    expect(dims).toEqual([[2, 3, 2, 2], [3]]);
    expect(await widthOf(replaced)).toEqual([2, 3, 8, 8]);
  });

  it('replaces the layers of all scales that a detector joins', async () => {
    const scales = (axis: number, outputs: number) =>
      places((b, x) => {
        const flat = (y: string, n: number): string => b.node('Reshape', [y, b.constant(int64([3], [0, n, -1]))]);
        const fine = b.node('Conv', [x, filter(b, 6, 2, 1, 1), filter(b, 6)]);
        const coarse = b.node('Conv', [x, filter(b, outputs, 2, 1, 1)], {
          strides: ints([axis === 1 ? 1 : 2, axis === 1 ? 1 : 2]),
        });
        return b.node('Concat', [flat(fine, 6), flat(coarse, outputs)], { axis: int(axis) });
      });
    const { model: replaced, parameters } = replaceHead(scales(2, 6), { classes: 3 });
    expect(parameters).toHaveLength(3);
    expect(await widthOf(replaced)).toEqual([2, 3, 16 + 4]);
    expect(() => replaceHead(scales(1, 6), { classes: 3 })).toThrow('(Concat) joins classes with other values');
    expect(() => replaceHead(scales(1, 4), { classes: 3 })).toThrow('are joined and have different numbers of outputs');
  });

  it('says what is in the way', () => {
    const weights = (b: GraphBuilder): string => b.constant(float32([4, 6], new Float32Array(24)));
    const blocked = tail((b, x) => b.node('Tanh', [b.node('Gemm', [x, weights(b)])]));
    expect(() => replaceHead(blocked, { classes: 3 })).toThrow(
      expect.objectContaining({ code: 'bad-model', message: expect.stringContaining('(Tanh)') as unknown }),
    );
    const plain = tail((b, x) => b.node('Gemm', [x, weights(b)]));
    expect(() => replaceHead(plain, { classes: 3, node: 'other' })).toThrow(
      expect.objectContaining({
        code: 'bad-model',
        message: expect.stringMatching(/no node is called 'other'; the layers are \S/) as unknown,
      }),
    );
    expect(() => replaceHead(plain, { classes: 0 })).toThrow(expect.objectContaining({ code: 'bad-options' }));
    const tied = tail((b, x) => {
      const w = b.constant(float32([6, 4], new Float32Array(24)));
      const inside = b.node('MatMul', [b.node('Gemm', [x, w], { transB: int(1) }), w]);
      return b.node('Gemm', [inside, w], { transB: int(1) });
    });
    expect(() => replaceHead(tied, { classes: 3 })).toThrow(
      expect.objectContaining({ message: expect.stringContaining('is read by 3 nodes') as unknown }),
    );
  });
});

describe('foldNormalization', () => {
  it('leaves out normalisations and keeps the function', async () => {
    const random = new Random(1, 'fold');
    const values = new Map(
      [...findParameters(resnet.graph).keys(), ...findStatistics(resnet.graph)].map((name) => [
        name,
        floats(resnet, name).map((v) => Math.abs(v) + random.uniform(0, 0.5)),
      ]),
    );
    const trained = exportInference(resnet, values);
    const folded = foldNormalization(trained);
    const count = (m: Model): number => m.graph.nodes.filter((n) => n.op === 'BatchNormalization').length;
    expect(count(trained)).toBeGreaterThan(0);
    expect(count(folded)).toBe(0);
    const x = Float32Array.from({ length: 5 * 64 }, () => random.uniform(-1, 1));
    const samples = { x, shape: [1, 8, 8], y: new Int32Array(5) };
    const [a, b] = [await predict(trained, samples, createSession), await predict(folded, samples, createSession)];
    const scale = a.logits.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    a.logits.forEach((v, i) => expect(Math.abs(v - b.logits[i]!)).toBeLessThan(1e-5 * scale));
  });
});

const folder = process.env['VERGE_DATA'];
if (!folder) console.log('VERGE_DATA is not set: skipping transfer on published networks');
const read = (path: string): Model => decodeModel(readFileSync(join(folder!, path)));

describe.skipIf(!folder)('transfer on published networks', () => {
  const vww = 'mlperf-tiny/vww/vww_mobilenetv1_025_96_fp32.onnx';

  it.skipIf(!folder || !existsSync(join(folder, 'mobilenetv1_0.25')))(
    'replaces heads of dense and of 1x1 layers',
    async () => {
      for (const path of [vww, 'mobilenetv1_0.25/mobilenet_v1_0.25_224_fp32.onnx']) {
        const { model, parameters } = replaceHead(read(path), { classes: 5 });
        expect(parameters).toHaveLength(2);
        expect(await widthOf(model)).toEqual([2, 5]);
      }
    },
  );

  it('MobileNetV1-0.25 learns three classes of patches with all but its head frozen', async () => {
    const { model, parameters } = replaceHead(read(vww), { classes: 3, seed: 7 });
    const rest = [...findParameters(model.graph).keys()].filter((name) => !parameters.includes(name));
    // Left half, right half or all of an image is bright: what a pooled feature can tell.
    const random = new Random(4, 'patches');
    const [size, count] = [96, 24];
    const y = Int32Array.from({ length: count }, (_, i) => i % 3);
    const x = Float32Array.from({ length: count * 3 * size * size }, (_, i) => {
      const sample = Math.floor(i / (3 * size * size));
      const stripe = [(i % size) % 16 < 8, Math.floor(i / size) % 16 < 8, true][y[sample]!];
      return (stripe ? 0.7 : -0.7) + random.uniform(-0.2, 0.2);
    });
    const samples = { x, shape: [3, size, size], y };
    const result = await fit({
      model,
      createSession,
      train: samples,
      validation: samples,
      epochs: 12,
      batchSize: 12,
      optimizer: { name: 'adam', learningRate: 0.1 },
      trainable: freeze(model, rest),
    });
    expect(result.validation.accuracy).toBe(1);
    for (const name of rest) expect(floats(result.model, name)).toEqual(floats(model, name));
    expect(floats(result.model, parameters[0]!)).not.toEqual(floats(model, parameters[0]!));
  });
});
