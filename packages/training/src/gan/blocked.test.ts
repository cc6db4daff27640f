/** The executor's blocked layout changes how a step is computed, not what. */
import { describe, expect, it } from 'vitest';
import { float32, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { probeBlock } from '../blocked-layout.js';
import { packFrom } from '../parameters.js';
import { openWhole } from '../parallel/whole.js';
import { Random } from '../random.js';
import { TrainingState } from '../state.js';
import { buildDiscriminatorStep, buildGeneratorStep, NOISE, OTHER, REAL } from './graph.js';

const BATCH = 4;
const image = [1, 16, 16];
const params = { features: 16, dense: 32 };
const generator = buildArchitecture(
  'dcgan-generator',
  { input: [8], classes: 1, params: { ...params, channels: 1, size: 16 } },
  1,
);
const discriminator = buildArchitecture('dcgan-discriminator', { input: image, classes: 1, params }, 2);
const optimizer = { name: 'sgd', learningRate: 1, momentum: 0 } as const;

const block = await probeBlock(createSession);

function drawn(stream: string, shape: readonly number[]): Tensor {
  const random = new Random(5, stream);
  return float32(
    [...shape],
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
  );
}

/** What one step of plain descent adds to each vector of the state. */
async function change(who: 'generator' | 'discriminator', inBlocks: number): Promise<Map<string, Float32Array>> {
  const [build, own, other] =
    who === 'generator'
      ? [buildGeneratorStep, generator, discriminator]
      : [buildDiscriminatorStep, discriminator, generator];
  const loss = { kind: 'non-saturating' } as const;
  const graph = build({ generator, discriminator, batch: BATCH, loss, optimizer, block: inBlocks });
  const written = new Set(graph.model.graph.nodes.map((n) => n.domain));
  expect(written.has('com.microsoft.nchwc')).toBe(inBlocks > 0);
  const state = new TrainingState(graph, own, optimizer);
  const before = new Map(state.vectors);
  const stepper = await openWhole(graph, state, createSession);
  const others = packFrom(other.graph, graph.other);
  const feeds: Record<string, Tensor> = {
    [NOISE]: drawn('noise', [BATCH, 8]),
    [OTHER]: float32([others.length], others),
    ...(who === 'discriminator' && { [REAL]: drawn('real', [BATCH, ...image]) }),
  };
  await stepper.step({ feeds, learningRate: 1, step: 1, dropoutSeed: 0 });
  await stepper.release();
  return new Map([...state.vectors].map(([name, after]) => [name, after.map((v, i) => v - before.get(name)![i]!)]));
}

describe.skipIf(block === 0)('a DCGAN in blocks (skipped where the executor has none)', () => {
  for (const who of ['discriminator', 'generator'] as const) {
    it(`takes the ${who}'s step as standard operators do`, async () => {
      const [standard, inBlocks] = [await change(who, 0), await change(who, block)];
      for (const [name, want] of standard) {
        const got = inBlocks.get(name)!;
        const largest = Math.max(...want.map(Math.abs));
        expect(largest).toBeGreaterThan(0.01);
        // Sums in another order, in single precision, through four normalisations.
        expect(Math.max(...want.map((v, i) => Math.abs(v - got[i]!))) / largest, name).toBeLessThan(1e-5);
      }
    });
  }
});
