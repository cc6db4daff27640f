/** Artifacts as a finished compression leaves them, and releases of them, signed offline. */
import { randomBytes } from 'node:crypto';
import type {
  ArtifactManifest,
  Client,
  CompressionReport,
  DeviceClass,
  Release,
  ReleaseRepository,
} from '@verge/contracts';
import { manifestTargetPath } from '@verge/contracts';
import type { MetadataFiles, SigningKey, Target } from '@verge/trust/publish';
import { createKey, initRepository, updateTargets } from '@verge/trust/publish';
import type { TestControlPlane } from './control-plane.js';

export interface TestArtifact {
  readonly id: string;
  readonly versionId: string;
  readonly model: string;
  readonly version: number;
  readonly deviceClass: string;
  readonly manifest: ArtifactManifest;
  readonly manifestDigest: string;
  readonly target: Target;
  /** Digest of the model file. */
  readonly modelDigest: string;
}

export interface ArtifactOptions {
  readonly project: string;
  readonly model?: string;
  readonly deviceClasses?: readonly string[];
  readonly modelBytes?: number;
  /** What the model file holds; random bytes without it. */
  readonly content?: Uint8Array;
  readonly offered?: boolean;
}

/** One new version with an artifact for each class. */
export async function makeArtifacts(plane: TestControlPlane, options: ArtifactOptions): Promise<TestArtifact[]> {
  const { database } = plane;
  const { model: modelName = 'digits', deviceClasses = ['x64'] } = options;
  const project = await database.project.findUniqueOrThrow({ where: { slug: options.project } });
  const projectId = project.id;
  const dataset = await database.dataset.upsert({
    where: { projectId_name: { projectId, name: 'digits' } },
    create: {
      projectId,
      name: 'digits',
      description: '',
      format: 'csv',
      files: [],
      digest: `sha256:${'d'.repeat(64)}`,
      labels: [],
      split: 'fixed',
      source: '',
      license: '',
      bytes: 1,
    },
    update: {},
  });
  const recipe = await database.recipe.upsert({
    where: { projectId_name: { projectId, name: 'int8' } },
    create: { projectId, name: 'int8', recipe: {} },
    update: {},
  });
  const model = await database.model.upsert({
    where: { projectId_name: { projectId, name: modelName } },
    create: { projectId, name: modelName, lastVersion: 1 },
    update: { lastVersion: { increment: 1 } },
  });
  const version = await database.version.create({
    data: {
      projectId,
      modelId: model.id,
      number: model.lastVersion,
      digest: `sha256:${'e'.repeat(64)}`,
      bytes: 1,
      inputs: [],
      outputs: [],
      labels: [],
      origin: 'imported',
      metrics: { measurement: null, validation: null, test: null },
    },
  });
  const made: TestArtifact[] = [];
  for (const deviceClass of deviceClasses) {
    const { manifest, modelDigest, bytes } = await makeManifest(plane, {
      model: modelName,
      version: version.number,
      deviceClass,
      content: options.content ?? randomBytes(options.modelBytes ?? 1000),
    });
    const { digest: manifestDigest, bytes: manifestBytes } = await plane.blobs.put(bytes);
    const job = await database.job.create({
      data: { projectId, kind: 'compress', state: 'succeeded', payload: {}, createdBy: 'test' },
    });
    const compression = await database.compression.create({
      data: {
        id: job.id,
        versionId: version.id,
        datasetId: dataset.id,
        recipeId: recipe.id,
        target: targetOf(deviceClass),
      },
    });
    const path = manifestTargetPath({ model: modelName, version: version.number, deviceClass, digest: manifestDigest });
    const { id } = await database.artifact.create({
      data: {
        projectId,
        versionId: version.id,
        compressionId: compression.id,
        deviceClass,
        recipe: 'int8',
        targetPath: path,
        manifestDigest,
        manifestBytes,
        manifest,
        report: reportOf(manifest),
        offered: options.offered ?? true,
        bytes: options.modelBytes ?? 1000,
      },
    });
    const target = { path, length: manifestBytes, sha256: manifestDigest.slice('sha256:'.length) };
    const head = { id, versionId: version.id, model: modelName, version: version.number, deviceClass };
    made.push({ ...head, manifest, manifestDigest, target, modelDigest });
  }
  return made;
}

const targetOf = (name: string): DeviceClass => ({
  name,
  arch: 'x64',
  threads: 1,
  int8Activation: 'uint8',
  vnni: true,
});

const reportOf = ({ deviceClass, measurement }: ArtifactManifest): CompressionReport => ({
  schema: 'verge.compression-report/1',
  recipe: 'int8',
  target: targetOf(deviceClass),
  before: measurement,
  after: measurement,
  passes: [],
  offered: true,
  reasons: [],
});

async function makeManifest(
  plane: TestControlPlane,
  of: { model: string; version: number; deviceClass: string; content: Uint8Array },
): Promise<{ manifest: ArtifactManifest; modelDigest: string; bytes: Uint8Array }> {
  const file = await plane.blobs.put(of.content);
  const tensor = { name: 'x', dtype: 'float32' as const, shape: [-1, 64] };
  const manifest: ArtifactManifest = {
    schema: 'verge.artifact/1',
    model: of.model,
    version: of.version,
    deviceClass: of.deviceClass,
    task: 'classification',
    createdAt: new Date().toISOString(),
    files: [{ path: 'model.onnx', role: 'model', digest: file.digest, bytes: file.bytes }],
    inputs: [tensor],
    outputs: [{ ...tensor, name: 'y', shape: [-1, 10] }],
    preprocess: null,
    labels: ['zero', 'one', 'two'],
    measurement: {
      bytes: file.bytes,
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
    },
  };
  return { manifest, modelDigest: file.digest, bytes: new TextEncoder().encode(JSON.stringify(manifest)) };
}

/** The offline side of one project: its key and its repository. */
export class Publisher {
  readonly key: SigningKey = createKey();
  files: MetadataFiles = new Map();

  constructor(
    private readonly api: Client,
    private readonly project: string,
  ) {}

  get root(): Uint8Array {
    return this.files.get('1.root.json')!;
  }

  async release(name: string, artifacts: readonly TestArtifact[]): Promise<Release> {
    const targets = artifacts.map((artifact) => artifact.target);
    const uploaded = this.sign(targets);
    const body = { name, artifacts: artifacts.map(({ id }) => id), metadata: encoded(uploaded) };
    const release = await this.api.call('releases.create', { params: { project: this.project }, body });
    this.files = new Map([...this.files, ...uploaded]);
    return release;
  }

  /** Metadata alone: what `change` signs over the repository as it is. */
  async publish(
    change: (previous: MetadataFiles, keys: readonly SigningKey[]) => MetadataFiles,
  ): Promise<ReleaseRepository> {
    const uploaded = change(this.files, [this.key]);
    const body = { metadata: encoded(uploaded) };
    const after = await this.api.call('releases.publishMetadata', { params: { project: this.project }, body });
    this.files = new Map([...this.files, ...uploaded]);
    return after;
  }

  sign(targets: readonly Target[]): MetadataFiles {
    const { key } = this;
    if (this.files.size > 0) return updateTargets({ previous: this.files, keys: [key], add: targets });
    return initRepository({ keys: { root: [key], targets: [key], snapshot: [key], timestamp: [key] }, targets });
  }
}

function encoded(files: MetadataFiles): { name: string; content: string }[] {
  return [...files].map(([name, content]) => ({ name, content: Buffer.from(content).toString('base64') }));
}
