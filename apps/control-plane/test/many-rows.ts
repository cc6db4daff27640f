/** A project with many rows of every noun, put past the API: for what only shows beyond a first page. */
import { manifestTargetPath, type ArtifactManifest, type CompressionReport, type Measurement } from '@verge/contracts';
import type { DatabaseService } from '../src/database/database.service.js';

/** Identifiers in the order of the noun's rows: UUIDv7 of one moment, told apart by their last digits. */
const idOf = (noun: number, n: number): string =>
  `0193d0f0-${noun.toString(16).padStart(4, '0')}-7000-8000-${n.toString(16).padStart(12, '0')}`;
const ids = {
  group: (n: number) => idOf(1, n),
  device: (n: number) => idOf(2, n),
  dataset: (n: number) => idOf(3, n),
  model: (n: number) => idOf(4, n),
  version: (n: number) => idOf(5, n),
  recipe: (n: number) => idOf(6, n),
  job: (n: number) => idOf(7, n),
  artifact: (n: number) => idOf(8, n),
  release: (n: number) => idOf(9, n),
  rollout: (n: number) => idOf(10, n),
  worker: (n: number) => idOf(11, n),
};
export const FIRST_DEVICE = ids.device(0);
export const ROLLOUT_ID = ids.rollout(0);

const digestOf = (n: number): string => `sha256:${n.toString(16).padStart(64, '0')}`;
const minutesAgo = (n: number): Date => new Date(Date.now() - n * 60_000);
const range = <T>(length: number, make: (n: number) => T): T[] => Array.from({ length }, (_, n) => make(n));
const measurement: Measurement = {
  bytes: 1000,
  parameters: 10,
  macs: 10,
  accuracy: 0.9,
  samples: 100,
  p50Ms: 1,
  p95Ms: 2,
  peakRssBytes: 1,
  threads: 1,
  runs: 1,
  machine: 'test',
};
const tensor = { name: 'x', dtype: 'float32' as const, shape: [-1, 64] };

/** How many of other nouns there are, whatever the number of devices. */
const FEW = 8;
const CLASSES = ['x64', 'arm64'];

/** `devices` of each of devices and of a rollout's devices; fewer of everything else. */
export async function fillProject(db: DatabaseService, projectId: string, devices: number): Promise<void> {
  await fillCatalogue(db, projectId);
  await fillWork(db, projectId);
  await fillWorkers(db);
  await fillReleases(db, projectId);
  await fillFleet(db, projectId, devices);
  await fillRollouts(db, projectId, devices);
}

async function fillCatalogue(db: DatabaseService, projectId: string): Promise<void> {
  await db.dataset.createMany({
    data: range(FEW, (n) => ({
      id: ids.dataset(n),
      projectId,
      name: `set-${n}`,
      description: '',
      format: 'csv',
      files: [],
      digest: digestOf(n),
      labels: [],
      split: 'auto',
      source: '',
      license: '',
      bytes: 1000 - (n % 5),
    })),
  });
  await db.model.createMany({
    data: range(FEW, (n) => ({ id: ids.model(n), projectId, name: `model-${n}`, lastVersion: 2 })),
  });
  await db.version.createMany({
    data: range(FEW * 2, (n) => ({
      id: ids.version(n),
      projectId,
      modelId: ids.model(Math.floor(n / 2)),
      number: (n % 2) + 1,
      digest: digestOf(n),
      bytes: 5_000_000_000 + (n % 3),
      inputs: [tensor],
      outputs: [tensor],
      labels: [],
      origin: n % 2 ? ('distilled' as const) : ('imported' as const),
      metrics: { measurement: null, validation: null, test: null },
    })),
  });
  const recipe = { schema: 'verge.recipe/1', name: 'fold', passes: [{ pass: 'fold' }] };
  await db.recipe.createMany({
    data: range(FEW, (n) => ({ id: ids.recipe(n), projectId, name: `recipe-${n}`, recipe })),
  });
}

const jobStates = ['queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'] as const;

async function fillWork(db: DatabaseService, projectId: string): Promise<void> {
  const target = { name: 'x64', arch: 'x64', threads: 1, int8Activation: 'uint8', vnni: true };
  const kinds = ['train', 'compress', 'evaluate'] as const;
  const job = (n: number) => {
    const state = jobStates[Math.floor(n / 3) % jobStates.length]!;
    const over = ['succeeded', 'failed', 'cancelled'].includes(state);
    const times = { startedAt: state === 'queued' ? null : minutesAgo(n), finishedAt: over ? minutesAgo(0) : null };
    return { id: ids.job(n), projectId, kind: kinds[n % 3]!, state, payload: {}, createdBy: 'test', ...times };
  };
  const all = range(FEW * 3, job);
  await db.job.createMany({ data: all });
  const of = (kind: (typeof kinds)[number]) => all.filter((each) => each.kind === kind).map(({ id }) => id);
  const config = { model: { architecture: 'digits-teacher', params: {} }, epochs: 1, optimizer: { name: 'sgd' } };
  await db.training.createMany({
    data: of('train').map((id, n) => ({
      id,
      name: n % 2 ? '' : `run ${n}`,
      modelId: ids.model(n % 4),
      datasetId: ids.dataset(0),
      config,
    })),
  });
  await db.compression.createMany({
    data: of('compress').map((id, n) => ({
      id,
      versionId: ids.version(n % 4),
      datasetId: ids.dataset(0),
      recipeId: ids.recipe(0),
      target,
    })),
  });
  await db.evaluation.createMany({
    data: of('evaluate').map((id, n) => ({ id, versionId: ids.version(n % 4), datasetId: ids.dataset(0), threads: 1 })),
  });
  const report: CompressionReport = {
    schema: 'verge.compression-report/1',
    recipe: 'fold',
    target: { name: 'x64', arch: 'x64', threads: 1, int8Activation: 'uint8', vnni: true },
    before: measurement,
    after: measurement,
    passes: [],
    offered: true,
    reasons: [],
  };
  await db.artifact.createMany({
    data: of('compress').map((compressionId, n) => {
      const [model, version, deviceClass] = [`model-${Math.floor(n / 2)}`, (n % 2) + 1, CLASSES[n % 2]!];
      const manifestDigest = digestOf(n);
      const manifest: ArtifactManifest = {
        schema: 'verge.artifact/1',
        model,
        version,
        deviceClass,
        task: 'classification',
        createdAt: new Date().toISOString(),
        files: [{ path: 'model.onnx', role: 'model', digest: digestOf(n), bytes: 1000 }],
        inputs: [tensor],
        outputs: [{ ...tensor, name: 'y' }],
        preprocess: null,
        labels: [],
        measurement,
      };
      return {
        id: ids.artifact(n),
        projectId,
        versionId: ids.version(n),
        compressionId,
        deviceClass,
        recipe: 'fold',
        targetPath: manifestTargetPath({ model, version, deviceClass, digest: manifestDigest }),
        manifestDigest,
        manifestBytes: 1,
        manifest,
        report,
        offered: n % 5 > 0,
        bytes: 1000,
      };
    }),
  });
}

async function fillWorkers(db: DatabaseService): Promise<void> {
  await db.worker.createMany({
    data: range(FEW, (n) => ({
      id: ids.worker(n),
      name: `worker-${n % 3}`,
      version: '0.1.0',
      engineVersion: '1.0.0',
      host: 'bench',
      platform: 'linux-x64',
      cores: 4,
      memoryBytes: 2 ** 33,
      startedAt: minutesAgo(100 + (n % 2)),
      lastSeenAt: minutesAgo(n % 4),
      onlineUntil: minutesAgo((n % 4) - 1),
      leftAt: n % 5 === 0 ? minutesAgo(0) : null,
    })),
  });
}

async function fillReleases(db: DatabaseService, projectId: string): Promise<void> {
  await db.release.createMany({
    data: range(FEW, (n) => ({
      id: ids.release(n),
      projectId,
      name: `release-${n}`,
      targetsVersion: n + 1,
      createdBy: 'test',
    })),
  });
  await db.releaseArtifact.createMany({
    data: range(FEW - 4, (n) => ({ releaseId: ids.release(n), artifactId: ids.artifact(n) })),
  });
}

/** Of the oldest devices, which come last in a list, a few fail; every seventh is online, every fiftieth is revoked. */
async function fillFleet(db: DatabaseService, projectId: string, devices: number): Promise<void> {
  await db.group.createMany({ data: range(FEW, (n) => ({ id: ids.group(n), projectId, name: `group-${n}` })) });
  await db.device.createMany({
    data: range(devices, (n) => ({
      id: ids.device(n),
      projectId,
      name: `device-${n}`,
      deviceClass: CLASSES[n % CLASSES.length]!,
      groupId: n % 3 ? ids.group(n % FEW) : null,
      state: n % 50 === 49 ? ('revoked' as const) : ('active' as const),
      lastSeenAt: n % 4 ? minutesAgo(n % 30) : null,
      onlineUntil: n % 7 === 0 ? minutesAgo(-600) : n % 4 ? minutesAgo(n) : null,
      certificateExpiresAt: minutesAgo(-600_000),
      activeDigest: n % 2 ? digestOf(n % 6) : null,
      ...(n < 3 ? { errorCode: 'SELF_TEST_FAILED', errorMessage: 'top-1 differs' } : {}),
      ...(n === 3 ? { updateState: 'failed' } : {}),
    })),
  });
  await db.deviceEvent.createMany({
    data: range(FEW, (n) => ({ deviceId: FIRST_DEVICE, kind: n % 2 ? 'online' : 'offline', message: `event ${n}` })),
  });
  await db.enrollmentToken.createMany({
    data: range(FEW, (n) => ({
      projectId,
      tokenHash: digestOf(n),
      name: `token-${n}`,
      deviceClass: 'x64',
      maxUses: 2,
      uses: n % 3,
      expiresAt: minutesAgo(n % 4 ? -600 : 600),
      createdBy: 'test',
    })),
  });
  await db.quarantinedRecord.createMany({
    data: range(FEW, (n) => ({
      projectId,
      deviceId: FIRST_DEVICE,
      spoolId: 'spool',
      seq: n,
      artifactDigest: digestOf(n),
      startMs: 0,
      endMs: 1,
      requests: 1,
      errors: 2,
      callerErrors: 0,
      loadErrors: 0,
      classes: [],
      features: [],
      reasons: [{ field: '/errors', detail: 'more than the requests' }],
    })),
  });
  await db.blobCollection.createMany({
    data: range(FEW, (n) => ({
      dryRun: n % 2 === 0,
      state: 'finished',
      requestedBy: 'test',
      finishedAt: minutesAgo(n),
    })),
  });
  await db.removal.createMany({
    data: range(FEW, (n) => ({
      kind: 'project',
      subjectId: ids.group(n),
      projectId: ids.group(n),
      name: `project-${n}`,
      requestedBy: 'test',
      finishedAt: minutesAgo(n),
    })),
  });
  const passwordHash = 'none';
  await db.user.createMany({
    data: range(FEW, (n) => ({ email: `user-${n}@example.org`, name: `User ${n % 4}`, passwordHash })),
  });
}

const deviceStates = ['updated', 'failed', 'waiting', 'offered', 'updating', 'reverted', 'skipped'] as const;

async function fillRollouts(db: DatabaseService, projectId: string, devices: number): Promise<void> {
  const states = ['running', 'succeeded', 'paused', 'reverting', 'reverted', 'cancelled'] as const;
  const gate = { maxFailedFraction: 0.5, deviceTimeoutSeconds: 2_592_000, observeSeconds: 604_800 };
  await db.rollout.createMany({
    data: range(FEW, (n) => ({
      id: ids.rollout(n),
      projectId,
      name: `rollout-${n}`,
      releaseId: ids.release(n),
      versionId: ids.version(n),
      groupId: ids.group(n),
      wavePlan: [{ percent: 100 }],
      gate,
      // The first is over, so that no scheduler changes its devices under a test.
      state: n === 0 ? ('reverted' as const) : states[n % states.length]!,
      createdBy: 'test',
    })),
  });
  await db.rolloutWave.createMany({
    data: range(2, (index) => ({ rolloutId: ROLLOUT_ID, index, state: 'failed' as const })),
  });
  await db.rolloutDevice.createMany({
    data: range(devices, (n) => ({
      rolloutId: ROLLOUT_ID,
      deviceId: ids.device(n),
      wave: n < 4 ? 0 : 1,
      state: deviceStates[n % deviceStates.length]!,
      updatedAt: n % 7 === 0 ? minutesAgo(n) : null,
    })),
  });
}
