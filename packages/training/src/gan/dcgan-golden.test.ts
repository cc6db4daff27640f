/** Both steps of a DCGAN against PyTorch in double precision, where each pass has statistics of its own. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeModel, float32, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '../architectures/registry.js';
import { packFrom, unpack } from '../parameters.js';
import { LOSS, nextOf, OUTPUT, PARAMETERS, STATISTICS } from '../step-parts.js';
import { buildDiscriminatorStep, buildGeneratorStep, NOISE, OTHER, REAL } from './graph.js';

interface Stored {
  readonly dims: readonly number[];
  readonly values: readonly number[];
}

type Values = Readonly<Record<string, readonly number[]>>;

interface Side {
  readonly loss: number;
  readonly logits: readonly number[];
  readonly gradients: Values;
  readonly running: Values;
}

interface Golden extends Readonly<Record<'generator' | 'discriminator', Readonly<Record<string, Stored>>>> {
  readonly size: number;
  readonly features: number;
  readonly noise: Stored;
  readonly real: Stored;
  readonly cases: readonly {
    readonly kind: 'non-saturating' | 'hinge';
    readonly generator: Side;
    readonly discriminator: Side;
  }[];
}

const golden = JSON.parse(readFileSync(new URL('../../goldens/gan.golden.json', import.meta.url), 'utf8')) as Golden;

const tensor = ({ dims, values }: Stored): Tensor => float32([...dims], values);

/** The architecture with the reference's values in place of its own, none left out. */
function withValues(model: Model, values: Readonly<Record<string, Stored>>): Model {
  const { initializers } = model.graph;
  const own = [...initializers].filter(([, { value }]) => value.dtype === 'float32');
  const shapes = Object.fromEntries(own.map(([name, { value }]) => [name, value.dims]));
  expect(shapes).toEqual(Object.fromEntries(Object.entries(values).map(([name, { dims }]) => [name, dims])));
  const replaced = own.map(([name, s]) => [name, { ...s, value: tensor(values[name]!) }] as const);
  return { ...model, graph: { ...model.graph, initializers: new Map([...initializers, ...replaced]) } };
}

function networks(): Record<'generator' | 'discriminator', Model> {
  const { size, features, noise, generator, discriminator } = golden;
  const image = { input: [1, size, size], classes: 1, params: { features } };
  const drawn = { input: [noise.dims[1]!], classes: 1, params: { channels: 1, size, features } };
  return {
    generator: withValues(buildArchitecture('dcgan-generator', drawn, 1), generator),
    discriminator: withValues(buildArchitecture('dcgan-discriminator', image, 1), discriminator),
  };
}

/** Largest distance from the reference, over its largest element. */
function distance(got: Float32Array, want: readonly number[]): number {
  expect(got).toHaveLength(want.length);
  const scale = want.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return want.reduce((most, v, i) => Math.max(most, Math.abs(got[i]! - v)), 0) / scale;
}

/** So long a step of plain descent that what a parameter loses is the gradient, unharmed by the parameter's own rounding. */
const RATE = 1024;

type Found = Readonly<Record<'loss' | 'logits', Float32Array>> &
  Readonly<Record<'gradients' | 'running', ReadonlyMap<string, Float32Array>>>;

async function take(who: 'generator' | 'discriminator', kind: 'non-saturating' | 'hinge'): Promise<Found> {
  const models = networks();
  const build = who === 'generator' ? buildGeneratorStep : buildDiscriminatorStep;
  const optimizer = { name: 'sgd', learningRate: RATE, momentum: 0 } as const;
  const graph = build({ ...models, batch: golden.real.dims[0]!, loss: { kind }, optimizer });
  const { [who]: trained, [who === 'generator' ? 'discriminator' : 'generator']: other } = models;
  const flat = (values: Float32Array): Tensor => float32([values.length], values);
  const mine = packFrom(trained.graph, graph.parameters);
  const all: Record<string, Tensor> = {
    [NOISE]: tensor(golden.noise),
    [REAL]: tensor(golden.real),
    [PARAMETERS]: flat(mine),
    [STATISTICS]: flat(packFrom(trained.graph, graph.statistics)),
    [OTHER]: flat(packFrom(other.graph, graph.other)),
    'step.learning_rate': float32([], [RATE]),
  };
  // As trainGan opens it: the executor's own rewriting is part of what is held to the reference.
  const session = await createSession(encodeModel(graph.model), { optimization: 'extended' });
  const out = await session.run(Object.fromEntries(session.inputNames.map((name) => [name, all[name]!])));
  await session.release();
  const floats = (name: string): Float32Array => out[name]!.data as Float32Array;
  const lost = floats(nextOf(PARAMETERS)).map((v, i) => (mine[i]! - v) / RATE);
  return {
    loss: floats(LOSS),
    logits: floats(OUTPUT),
    gradients: unpack(graph.parameters, lost),
    running: unpack(graph.statistics, floats(nextOf(STATISTICS))),
  };
}

describe('a DCGAN with batch normalisation against PyTorch in double precision', () => {
  for (const { kind, ...sides } of golden.cases) {
    for (const who of ['discriminator', 'generator'] as const) {
      describe(`${kind}, ${who}`, () => {
        const want = sides[who];
        let found: Found;
        beforeAll(async () => {
          found = await take(who, kind);
        });

        it('has the loss and the logits of the fakes', () => {
          expect(distance(found.loss, [want.loss])).toBeLessThan(2e-6);
          expect(distance(found.logits, want.logits)).toBeLessThan(1e-5);
        });

        for (const what of ['gradients', 'running'] as const) {
          it(`has the ${what === 'running' ? 'next running statistics of one pass' : what}`, () => {
            expect([...found[what].keys()].sort()).toEqual(Object.keys(want[what]).sort());
            for (const [name, values] of found[what]) {
              expect(distance(values, want[what][name]!), name).toBeLessThan(1e-5);
            }
          });
        }
      });
    }
  }
});
