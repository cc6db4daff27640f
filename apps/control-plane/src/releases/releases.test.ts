import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import { makeArtifacts, Publisher } from '../../test/fleet/artifacts.js';
import type { TestArtifact } from '../../test/fleet/artifacts.js';
import { TestControlPlane } from '../../test/fleet/control-plane.js';

let plane: TestControlPlane;
let api: Client;
let publisher: Publisher;
const params = { project: 'plant' };
const make = async (options: { offered?: boolean; project?: string } = {}): Promise<TestArtifact> =>
  (await makeArtifacts(plane, { project: 'plant', ...options }))[0]!;

beforeAll(async () => {
  plane = await TestControlPlane.start();
  api = await plane.project('plant');
  await plane.project('foreign');
  publisher = new Publisher(api, 'plant');
});
afterAll(() => plane.close());

describe('releases', () => {
  it('are published, listed, and their metadata served as it was signed', async () => {
    expect((await api.call('releases.metadata', { params })).files).toEqual([]);
    const [first, second] = [await make(), await make()];
    const release = await publisher.release('one', [first]);
    expect(release).toMatchObject({ name: 'one', targetsVersion: 1, artifacts: [{ id: first.id, model: 'digits' }] });
    await publisher.release('two', [second]);
    const { items } = await api.call('releases.list', { params });
    expect(items.map((item) => [item.name, item.targetsVersion])).toEqual([
      ['two', 2],
      ['one', 1],
    ]);
    const { files } = await api.call('releases.metadata', { params });
    const names = ['1.root.json', '2.snapshot.json', '2.targets.json', 'timestamp.json'];
    expect(files.map((file) => file.name).sort()).toEqual(names);
    for (const { name, content } of files)
      expect(Buffer.compare(Buffer.from(content, 'base64'), publisher.files.get(name)!)).toBe(0);
  });

  it('are refused whole: artifacts that are not offered, of another project, or that nobody signed', async () => {
    const before = await api.call('releases.metadata', { params });
    const unoffered = await make({ offered: false });
    const foreign = await make({ project: 'foreign' });
    await expect(publisher.release('bad', [unoffered, foreign])).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ field: '/artifacts/0' }, { field: '/artifacts/1' }],
    });
    const artifact = await make();
    const unsigned = { ...artifact, target: { ...artifact.target, length: artifact.target.length + 1 } };
    await expect(publisher.release('bad', [unsigned])).rejects.toMatchObject({
      code: 'RELEASE_REFUSED',
      status: 422,
      errors: [{ field: '/artifacts/0' }],
    });
    const stranger = new Publisher(api, 'plant');
    await expect(stranger.release('bad', [artifact])).rejects.toMatchObject({ code: 'RELEASE_REFUSED' });
    expect(await api.call('releases.metadata', { params })).toEqual(before);
    expect((await api.call('releases.list', { params })).items.map((item) => item.name)).not.toContain('bad');
  });

  it('have names of their own, and take turns when two come at once', async () => {
    const artifact = await make();
    await expect(publisher.release('one', [artifact])).rejects.toMatchObject({ code: 'CONFLICT' });
    const results = await Promise.allSettled([
      publisher.release('left', [artifact]),
      publisher.release('right', [artifact]),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});
