import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '@verge/contracts';
import { renewRepository, updateTargets } from '@verge/trust/publish';
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

  it('describe their repository, renew and rotate it, and refuse what does not follow', async () => {
    const empty = await plane.project('empty');
    expect(await empty.call('releases.repository', { params: { project: 'empty' } })).toEqual({
      roles: [],
      targets: [],
      withdrawn: [],
    });
    const before = await api.call('releases.repository', { params });
    expect(before.roles.map(({ role, threshold, keyIds }) => [role, threshold, keyIds])).toEqual(
      ['root', 'targets', 'snapshot', 'timestamp'].map((role) => [role, 1, [publisher.key.keyid]]),
    );
    expect(before.roles.map(({ daysLeft }) => daysLeft)).toEqual([364, 179, 89, 29]);
    const renewed = await publisher.publish((previous, keys) => renewRepository({ previous, keys, all: true }).files);
    expect(renewed.roles.map(({ version }) => version)).toEqual(before.roles.map(({ version }) => version + 1));
    const { files } = await api.call('releases.metadata', { params });
    await expect(api.call('releases.publishMetadata', { params, body: { metadata: files } })).rejects.toMatchObject({
      code: 'RELEASE_REFUSED',
      status: 422,
    });
  });

  it('are withdrawn: marked, counted where they run, and refused to rollouts and later releases', async () => {
    const artifact = await make();
    const release = await publisher.release('regretted', [artifact]);
    const project = await plane.database.project.findUniqueOrThrow({ where: { slug: 'plant' } });
    const device = { projectId: project.id, deviceClass: 'x64', certificateExpiresAt: new Date() };
    await plane.database.device.createMany({
      data: [
        { ...device, name: 'runs-it', activeDigest: artifact.manifestDigest },
        { ...device, name: 'does-not' },
      ],
    });
    const reason = 'answers wrongly in the rain';
    const after = await publisher.publish((previous, keys) =>
      updateTargets({ previous, keys, withdraw: [{ path: artifact.target.path, reason }] }),
    );
    expect(after.withdrawn).toMatchObject([
      { path: artifact.target.path, artifactId: artifact.id, reason, running: 1, devices: [{ name: 'runs-it' }] },
    ]);
    expect(after.targets.map(({ path }) => path)).not.toContain(artifact.target.path);
    const { artifacts } = await api.call('releases.get', { params: { ...params, release: release.id } });
    expect(artifacts).toMatchObject([{ id: artifact.id, withdrawn: { reason } }]);
    const shown = await api.call('artifacts.get', { params: { ...params, artifact: artifact.id } });
    expect(shown.withdrawn).toMatchObject({ reason });
    await api.call('groups.create', { params, body: { name: 'line' } });
    const rollout = { name: 'r', release: 'regretted', group: 'line', waves: [{ percent: 100 }] };
    await expect(api.call('rollouts.create', { params, body: rollout as never })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ field: '/release', detail: expect.stringContaining(reason) }],
    });
    const again = {
      name: 'again',
      artifacts: [artifact.id],
      metadata: (await api.call('releases.metadata', { params })).files,
    };
    await expect(api.call('releases.create', { params, body: again })).rejects.toMatchObject({
      errors: [{ field: '/artifacts/0', detail: expect.stringContaining('was withdrawn') }],
    });
    const audit = await plane.api.call('audit.list', {
      params,
      query: { action: 'release-metadata.publish' } as never,
    });
    expect(audit.items[0]).toMatchObject({ detail: { withdrawn: [artifact.target.path] } });
  });
});
