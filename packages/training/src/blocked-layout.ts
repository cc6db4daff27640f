/**
 * Whether the executor has a channel-blocked layout, and how many channels its blocks hold. ONNX Runtime does not say; it
 * answers when it is asked to convolve in blocks of a size and gives the right numbers.
 */
import { elementCount, encodeModel, float32, GraphBuilder, ints, type Model, type SessionFactory } from '@verge/onnx';
import { blockedForward, BLOCKED_DOMAIN } from './gradients/convolution-blocked.js';
import type { Convolution } from './gradients/convolution-weights.js';
import { Random } from './random.js';
import { Tape } from './tape.js';

/** AVX-512 has 16, AVX and NEON have 8 or 16, by version. */
const CANDIDATES = [16, 8];
const CHANNELS = 32;
const SIZE = 5;
const TOLERANCE = 1e-4;

const same = [CHANNELS, SIZE, SIZE];
const trial: Convolution = {
  batch: 1,
  inChannels: CHANNELS,
  outChannels: CHANNELS,
  group: 1,
  input: [SIZE, SIZE],
  output: [SIZE, SIZE],
  kernel: [3, 3],
  strides: [1, 1],
  dilations: [1, 1],
  padBegin: [1, 1],
  padEnd: [1, 1],
};

/** The same convolution plainly and in blocks. */
function trialModel(block: number): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [1, ...same]);
  const w = b.input('w', 'float32', [CHANNELS, CHANNELS, 3, 3]);
  const y = b.node('Conv', [x, w], { pads: ints([1, 1, 1, 1]) }, 1, { outputNames: ['plain'] });
  b.output(y, 'float32', [1, ...same]);
  const t = new Tape('t.', block);
  t.declare(x, [1, ...same]);
  t.declare(w, [CHANNELS, CHANNELS, 3, 3]);
  const inBlocks = blockedForward(t, trial, x, w);
  b.graph.nodes.push(...t.nodes);
  for (const [name, stored] of t.initializers) b.graph.initializers.set(name, stored);
  b.graph.outputs.push({ name: inBlocks, type: { kind: 'tensor', dtype: 'float32', shape: [1, ...same] } });
  return b.build({ opsets: { [BLOCKED_DOMAIN]: 1 } });
}

async function agrees(createSession: SessionFactory, block: number): Promise<boolean> {
  const random = new Random(1, 'trial');
  const drawn = (dims: readonly number[]): Float32Array =>
    Float32Array.from({ length: elementCount(dims) }, () => random.uniform(-1, 1));
  const filters = [CHANNELS, CHANNELS, 3, 3];
  let results: Float32Array[];
  try {
    const session = await createSession(encodeModel(trialModel(block)), { optimization: 'basic' });
    try {
      const feeds = { x: float32([1, ...same], drawn([1, ...same])), w: float32(filters, drawn(filters)) };
      const outputs = await session.run(feeds);
      results = session.outputNames.map((name) => outputs[name]!.data as Float32Array);
    } finally {
      await session.release();
    }
  } catch {
    // An executor without the layout refuses the graph; that is the answer.
    return false;
  }
  const [plain, blocks] = results as [Float32Array, Float32Array];
  return plain.every((v, i) => Math.abs(v - blocks[i]!) < TOLERANCE);
}

const known = new WeakMap<SessionFactory, Promise<number>>();

async function find(createSession: SessionFactory): Promise<number> {
  for (const block of CANDIDATES) if (await agrees(createSession, block)) return block;
  return 0;
}

/** Channels in a block of the executor's blocked layout, or 0 when it has none; tried once for each factory. */
export function probeBlock(createSession: SessionFactory): Promise<number> {
  const found = known.get(createSession) ?? find(createSession);
  known.set(createSession, found);
  return found;
}
