/** Models that come packed: the agent as a process, a real gateway, and what goes wrong between them. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pack } from '@verge/onnx/pack';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentProcess, until } from '../tests/agent-process.js';
import { buildArtifact, digestOf, linearModel, type BuiltArtifact } from '../tests/artifacts.js';
import { Gateway, type PackedForm } from '../tests/gateway.js';

/** Every lie and every point at which it can be killed; otherwise those that tell most. */
const full = process.env['VERGE_TEST_FULL'] !== undefined;

/** Sparse bytes, a few of them others in each version; the same in every run. */
function padding(version: number, length: number): Int8Array {
  let state = 7;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const bytes = Int8Array.from({ length }, () => (next() % 9 === 0 ? next() >>> 29 : 0));
  for (let i = 0; i < 50; i++) bytes[(i * 7919 * version) % length] = version;
  return bytes;
}

const modelOf = (version: number, length = 20_000): Buffer => linearModel(version * 100, padding(version, length));
const packed = async (bytes: Uint8Array, base?: Uint8Array): Promise<Buffer> =>
  Buffer.from(await pack(bytes, { base }));

let gateway: Gateway;
let agent: AgentProcess;
let version = 0;
/** The last model that was published. */
let before: Buffer = Buffer.alloc(0);

/** The next version, which is released and not yet wished. */
function next(length?: number): { artifact: BuiltArtifact; model: Buffer } {
  const model = modelOf(++version, length);
  const artifact = buildArtifact({ version, model });
  gateway.publish(artifact);
  return { artifact, model };
}

/** Downloads of an artifact's model. */
const asked = ({ modelDigest }: BuiltArtifact) => gateway.downloads.filter(({ digest }) => digest === modelDigest);
const refusedSoFar = async (): Promise<number> =>
  ((await agent.status()) as unknown as { packedRefused: number }).packedRefused;

async function serves(artifact: BuiltArtifact, model: Buffer): Promise<void> {
  gateway.desire(artifact);
  await agent.serves(version);
  before = model;
}

beforeAll(async () => {
  gateway = await Gateway.start();
  agent = await AgentProcess.enrolled(gateway);
  // A control plane that knows nothing of packed forms.
  const { artifact, model } = next();
  await agent.start();
  await serves(artifact, model);
  expect(asked(artifact)).toMatchObject([{ offset: 0, codings: ['verge-pack/1'], bases: [], packed: null }]);
}, 60_000);
afterAll(async () => {
  await agent.remove();
  gateway.down();
});

describe('a model that comes packed', () => {
  it('is the signed file, whole or as a difference from the one that serves', async () => {
    const whole = next();
    gateway.knobs.packed.set(whole.artifact.modelDigest, { bytes: await packed(whole.model) });
    await serves(whole.artifact, whole.model);
    expect(asked(whole.artifact)).toMatchObject([{ packed: 0 }]);
    const base = whole.artifact.modelDigest;
    const { artifact, model } = next();
    const bytes = await packed(model, before);
    expect(bytes.length).toBeLessThan((await packed(model)).length / 4);
    gateway.knobs.packed.set(artifact.modelDigest, { bytes, base });
    await serves(artifact, model);
    expect(asked(artifact)[0]!.bases[0]).toBe(base);
    expect(asked(artifact)).toMatchObject([{ packed: 0 }]);
    expect(await refusedSoFar()).toBe(0);
    // Nothing is left of the way that it came.
    expect((await readdir(join(agent.dir, 'store'))).filter((name) => name.includes('.'))).toEqual([]);
    const { length } = gateway.downloads.filter(({ codings }) => codings.length > 0);
    // The manifest and the small self-test are asked for as they are.
    expect(gateway.downloads.length).toBeGreaterThan(length);
  });

  /** What comes instead of the packed form. */
  const lies: readonly [string, (model: Buffer) => Promise<PackedForm>][] = [
    ['holds another file', async () => ({ bytes: await packed(before) })],
    ['is no packed file', (model) => Promise.resolve({ bytes: model.subarray(0, 9000) })],
    [
      'is damaged',
      async (model) => ({ bytes: (await packed(model)).map((b, i) => (i === 900 ? b ^ 4 : b)) as Buffer }),
    ],
    [
      'is not what its digest says',
      async (model) => ({ bytes: await packed(model), said: { digest: digestOf(model) } }),
    ],
    ['is longer than it says', async (model) => ({ bytes: await packed(model), said: { bytes: 1000 } })],
    ['is longer than the file', (model) => Promise.resolve({ bytes: Buffer.concat([model, model]) })],
    ['begins in the middle', async (model) => ({ bytes: await packed(model), said: { offset: 5 } })],
    ['has a base that was not named', async (m) => ({ bytes: await packed(m), said: { base: digestOf(m) } })],
    ['has a coding that was not named', async (m) => ({ bytes: await packed(m), said: { coding: 'other/2' } })],
    ['holds a bomb', async (model) => ({ bytes: await packed(Buffer.concat([model, Buffer.alloc(2 ** 20)])) })],
  ];
  it.each(full ? lies : lies.filter((_, i) => [0, 2, 9].includes(i)))(
    'and %s is refused, counted, and asked for as it is',
    async (_, lie) => {
      const [count, { artifact, model }] = [await refusedSoFar(), next()];
      gateway.knobs.packed.set(artifact.modelDigest, await lie(model));
      await serves(artifact, model);
      expect(asked(artifact).map(({ codings }) => codings)).toEqual([['verge-pack/1'], []]);
      expect(await refusedSoFar()).toBe(count + 1);
      await until('the report', () => gateway.last?.facts['packedRefused'] === String(count + 1));
    },
  );

  it('as a difference from a base that is damaged here comes as it is', async () => {
    const [count, base] = [await refusedSoFar(), (await agent.status())!.serving!.digest];
    const slot = (await readFile(join(agent.dir, 'slots/a/manifest.json'))).includes(`"version":${version}`)
      ? 'a'
      : 'b';
    const { artifact, model } = next();
    const modelDigest = digestOf(before);
    expect(base).not.toBe(modelDigest);
    gateway.knobs.packed.set(artifact.modelDigest, { bytes: await packed(model, before), base: modelDigest });
    await writeFile(
      join(agent.dir, 'slots', slot, 'model.onnx'),
      before.map((b, i) => (i === 500 ? b ^ 1 : b)),
    );
    await serves(artifact, model);
    expect(await refusedSoFar()).toBe(count + 1);
    expect(asked(artifact).map(({ codings }) => codings.length)).toEqual([1, 0]);
  });
});

describe('a packed download that breaks', () => {
  const chunk = 512;
  beforeAll(() => void (gateway.knobs.chunkBytes = chunk));

  it('goes on with the same bytes', async () => {
    const { artifact, model } = next();
    const bytes = await packed(model);
    expect(bytes.length).toBeGreaterThan(1.5 * chunk);
    gateway.knobs.packed.set(artifact.modelDigest, { bytes });
    gateway.knobs.breakAfter = [chunk];
    await serves(artifact, model);
    expect(asked(artifact)).toMatchObject([
      { packed: 0, encodedDigest: '', encodedOffset: 0 },
      { packed: chunk, encodedDigest: digestOf(bytes), encodedOffset: chunk },
    ]);
  });

  it('begins anew where the packed form is another one', async () => {
    const { artifact, model } = next();
    const [first, second] = [await packed(model), await packed(model, before)];
    gateway.knobs.packed.set(artifact.modelDigest, { bytes: first });
    gateway.knobs.breakAfter = [chunk];
    gateway.desire(artifact);
    await until('half of it', () => asked(artifact).length === 1);
    gateway.knobs.packed.set(artifact.modelDigest, { bytes: second, base: digestOf(before) });
    await serves(artifact, model);
    expect(asked(artifact)).toMatchObject([{ packed: 0 }, { packed: 0, encodedDigest: digestOf(first) }]);
  });

  it('goes on as the plain file where the control plane no longer packs', async () => {
    const { artifact, model } = next();
    gateway.knobs.packed.set(artifact.modelDigest, { bytes: await packed(model) });
    gateway.knobs.breakAfter = [chunk];
    gateway.desire(artifact);
    await until('half of it', () => asked(artifact).length === 1);
    gateway.knobs.packed.clear();
    await serves(artifact, model);
    expect(asked(artifact)).toMatchObject([
      { packed: 0, offset: 0, encodedOffset: 0 },
      { packed: null, offset: 0, encodedOffset: chunk },
    ]);
  });

  it.each(full ? ['packed:arrived', 'packed:unpacking', 'packed:unpacked'] : ['packed:unpacking'])(
    'is whole after a kill at %s',
    async (point) => {
      await agent.kill();
      const { artifact, model } = next();
      gateway.knobs.packed.set(artifact.modelDigest, { bytes: await packed(model) });
      await agent.start({ VERGE_AGENT_KILL_AT: point });
      gateway.desire(artifact);
      expect(await agent.exited).toMatchObject({ signal: 'SIGKILL' });
      await agent.start();
      await serves(artifact, model);
      // It was there already.
      expect(asked(artifact)).toMatchObject([{ packed: 0 }]);
      expect(await refusedSoFar()).toBe(0);
    },
  );

  it.runIf(full)('and ends the agent each time is asked for as it is at last', async () => {
    await agent.kill();
    const { artifact, model } = next();
    gateway.knobs.packed.set(artifact.modelDigest, { bytes: await packed(model) });
    gateway.desire(artifact);
    for (let life = 0; life < 3; life++) {
      agent.spawn({ VERGE_AGENT_KILL_AT: 'packed:unpacking' });
      expect(await agent.exited).toMatchObject({ signal: 'SIGKILL' });
    }
    await agent.start({ VERGE_AGENT_KILL_AT: 'packed:unpacking' });
    await serves(artifact, model);
    expect(asked(artifact).map(({ packed, codings }) => [packed, codings.length])).toEqual([
      [0, 1],
      [null, 0],
    ]);
    expect(await refusedSoFar()).toBe(1);
  });

  it.runIf(full)('and was damaged on the disk meanwhile is fetched anew, and nobody is accused', async () => {
    await agent.kill();
    const { artifact, model } = next();
    gateway.knobs.packed.set(artifact.modelDigest, { bytes: await packed(model) });
    gateway.desire(artifact);
    agent.spawn({ VERGE_AGENT_KILL_AT: 'packed:arrived' });
    await agent.exited;
    const part = join(agent.dir, 'store', `${artifact.modelDigest.slice(7)}.packed`);
    await writeFile(part, (await readFile(part)).fill(0, 500, 1500));
    await agent.start();
    await serves(artifact, model);
    expect(asked(artifact)).toMatchObject([{ packed: 0 }, { packed: 0, encodedDigest: '' }]);
    expect(await refusedSoFar()).toBe(0);
  });
});
