import { describe, expect, it } from 'vitest';
import { elementCount, encodeModel, float32, GraphBuilder, int, ints, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { probeBlock } from '../blocked-layout.js';
import { Random } from '../random.js';
import { buildVectorJacobianModel } from '../training-model.js';
import { BLOCKED_DOMAIN } from './convolution-blocked.js';

const block = await probeBlock(createSession);
if (block === 0) console.log('this ONNX Runtime has no blocked layout here: its convolutions are not tested');

interface Shape {
  readonly text: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attributes: Readonly<Record<string, readonly number[] | number>>;
  /** Convolutions in blocks: forward, dX, dW. */
  readonly blocked: number;
}

const around = (n: number): { pads: number[] } => ({ pads: [n, n, n, n] });

const shapes: readonly Shape[] = [
  { text: 'dense', x: [2, 16, 6, 7], w: [32, 16, 3, 3], attributes: around(1), blocked: 2 },
  {
    text: 'channels that fill no block',
    x: [2, 20, 6, 5],
    w: [12, 20, 3, 3],
    attributes: around(1),
    // 12 channels are less than one block of 16 (AVX-512), and more than one of 8 (AVX2).
    blocked: block > 12 ? 1 : 2,
  },
  { text: 'few input channels', x: [2, 3, 8, 8], w: [20, 3, 5, 5], attributes: around(2), blocked: 1 },
  { text: 'half a block of input channels', x: [2, 8, 6, 6], w: [16, 8, 3, 3], attributes: around(1), blocked: 2 },
  {
    text: 'a stride with a remainder',
    x: [2, 16, 8, 8],
    w: [16, 16, 3, 3],
    attributes: { ...around(1), strides: [2, 2] },
    blocked: 1,
  },
  {
    text: 'dilated, uneven pads',
    x: [1, 16, 7, 8],
    w: [16, 16, 3, 2],
    attributes: { pads: [2, 1, 1, 0], dilations: [2, 1] },
    blocked: 2,
  },
  { text: 'depthwise', x: [3, 16, 6, 5], w: [16, 1, 3, 3], attributes: { ...around(1), group: 16 }, blocked: 3 },
  {
    text: 'depthwise, channels that fill no block',
    x: [2, 20, 5, 6],
    w: [20, 1, 3, 3],
    attributes: { ...around(1), group: 20 },
    blocked: 3,
  },
  {
    text: 'depthwise, a stride with a remainder',
    x: [2, 16, 8, 7],
    w: [16, 1, 3, 3],
    attributes: { ...around(1), group: 16, strides: [2, 2] },
    blocked: 2,
  },
  {
    text: 'depthwise, dilated, no pads',
    x: [2, 16, 8, 9],
    w: [16, 1, 2, 3],
    attributes: { group: 16, dilations: [2, 3] },
    blocked: 3,
  },
];

function modelOf({ x, w, attributes }: Shape): Model {
  const b = new GraphBuilder();
  const inputs = [b.input('x', 'float32', x), b.input('w', 'float32', w), b.input('b', 'float32', [w[0]!])];
  const made = Object.entries(attributes).map(([k, v]) => [k, typeof v === 'number' ? int(v) : ints([...v])]);
  b.output(b.node('Conv', inputs, Object.fromEntries(made)), 'float32', null);
  return b.build();
}

async function run(model: Model, given: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await createSession(encodeModel(model), { optimization: 'extended' });
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, given[name]!]));
  const results = await session.run(feeds);
  await session.release();
  return results;
}

describe.skipIf(block === 0)(`convolutions in blocks of ${block} channels give the numbers of plain ones`, () => {
  for (const shape of shapes) {
    it(shape.text, async () => {
      const random = new Random(1, shape.text);
      const drawn = (dims: readonly number[]): Tensor =>
        float32(
          dims,
          Float32Array.from({ length: elementCount(dims) }, () => random.uniform(-1, 1)),
        );
      const model = modelOf(shape);
      const wrt = ['x', 'w', 'b'];
      const [plain, blocked] = [0, block].map((n) => buildVectorJacobianModel(model, { wrt, block: n }));
      const convolutions = blocked!.graph.nodes.filter((n) => n.domain === BLOCKED_DOMAIN && n.op === 'Conv');
      expect(convolutions).toHaveLength(shape.blocked);
      const seed = plain!.graph.inputs.find((i) => i.name === 'seed')!.type;
      const dims = (seed?.kind === 'tensor' ? seed.shape : [])!.map(Number);
      const feeds = { x: drawn(shape.x), w: drawn(shape.w), b: drawn([shape.w[0]!]), seed: drawn(dims) };
      const [want, got] = [await run(plain!, feeds), await run(blocked!, feeds)];
      for (const [name, { data }] of Object.entries(want)) {
        const [a, c] = [data as Float32Array, got[name]!.data as Float32Array];
        const scale = a.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const worst = a.reduce((m, v, i) => Math.max(m, Math.abs(v - c[i]!)), 0);
        expect(got[name]!.dims).toEqual(want[name]!.dims);
        expect(worst / scale, name).toBeLessThan(2e-6);
      }
    });
  }
});

describe('the trial of the blocked layout', () => {
  it('finds none where the executor refuses the graph', async () => {
    const refuses = (): Promise<never> => Promise.reject(new Error('no such operator'));
    expect(await probeBlock(refuses)).toBe(0);
  });

  it('is made once for each executor', async () => {
    let sessions = 0;
    const counted: typeof createSession = (...args) => {
      sessions++;
      return createSession(...args);
    };
    await Promise.all([probeBlock(counted), probeBlock(counted)]);
    expect(sessions).toBeGreaterThan(0);
    expect(sessions).toBeLessThanOrEqual(2);
    const before = sessions;
    expect(await probeBlock(counted)).toBe(block);
    expect(sessions).toBe(before);
  });
});
