/** What a finished job leaves behind: a version, an artifact, an evaluation. Each runs inside the job's own transaction. */
import { Inject, Injectable } from '@nestjs/common';
import type { BlobStore } from '@verge/blobs';
import {
  ArtifactManifest,
  CompressJob,
  declaredPorts,
  EvaluateJob,
  JobResult,
  manifestTargetPath,
  TrainJob,
  type BlobRef,
  type BuiltArtifact,
  type EvaluateResult,
  type SearchResult,
  type TrainResult,
} from '@verge/contracts';
import { BlobReferences } from '../blobs/blob-references.service.js';
import { BLOBS } from '../core.js';
import type { Db, Prisma } from '../database/database.service.js';
import { isStorable, toJson, toNullableJson } from '../json.js';
import { VersionsService } from '../models/versions.service.js';
import type { ChangeType } from '../events/event-bus.js';

type JobRow = Prisma.JobGetPayload<object>;

/** A result that does not hold: the job fails with these words. */
export class ResultRefused extends Error {
  override readonly name = 'ResultRefused';
}

/** A result that was checked against everything but the database. */
export interface CheckedResult {
  readonly result: JobResult;
  readonly manifest: ArtifactManifest | null;
}

export interface Made {
  type: ChangeType;
  id: string;
}

@Injectable()
export class JobResults {
  constructor(
    @Inject(BLOBS) private readonly store: BlobStore,
    @Inject(BlobReferences) private readonly blobs: BlobReferences,
    @Inject(VersionsService) private readonly versions: VersionsService,
  ) {}

  /** Everything that can be wrong with what a worker returned. @throws ResultRefused */
  async check(job: Pick<JobRow, 'kind' | 'payload' | 'projectId'>, returned: unknown): Promise<CheckedResult> {
    const parsed = JobResult.safeParse(returned);
    if (!parsed.success) {
      const reasons = parsed.error.issues.map((i) => `/${i.path.join('/')}: ${i.message}`);
      throw new ResultRefused(`the worker returned what it should not: ${reasons.join('; ')}`.slice(0, 2000));
    }
    const result = parsed.data;
    if (!isStorable(result)) throw new ResultRefused('the worker returned text with U+0000 or half a surrogate pair');
    if (result.kind === 'cancelled') return { result, manifest: null };
    const compression = job.kind === 'compress' ? CompressJob.parse(job.payload) : null;
    if (result.kind !== (compression?.search ? 'search' : job.kind)) {
      throw new ResultRefused(`the worker returned the result of another kind of job: ${result.kind}`);
    }
    const missing = await this.blobs.keepThose(job.projectId, blobsOf(result));
    if (missing.length > 0) throw new ResultRefused(`the worker did not store what it names: ${missing.join(', ')}`);
    const artifact = artifactOf(result);
    if (result.kind === 'search') checkSearch(result);
    const manifest = artifact && (await this.readManifest(compression!, artifact));
    return { result, manifest };
  }

  async apply(db: Db, job: JobRow, { result, manifest }: CheckedResult): Promise<Made[]> {
    if (result.kind === 'cancelled') return [];
    if (result.kind === 'train') return await this.applyTraining(db, job, TrainJob.parse(job.payload), result);
    if (result.kind === 'compress') return await this.applyArtifact(db, job, result, manifest!);
    if (result.kind === 'search') {
      await db.compression.update({
        where: { id: job.id },
        data: { searched: toJson(result.search) },
        select: { id: true },
      });
      return result.artifact ? await this.applyArtifact(db, job, result.artifact, manifest!) : [];
    }
    return await this.applyEvaluation(db, job, EvaluateJob.parse(job.payload), result);
  }

  private async applyTraining(db: Db, job: JobRow, payload: TrainJob, result: TrainResult): Promise<Made[]> {
    const training = await db.training.findUniqueOrThrow({ where: { id: job.id } });
    const points = result.points.map((point) => ({ trainingId: job.id, epoch: point.epoch, point: toJson(point) }));
    await db.trainingPoint.deleteMany({ where: { trainingId: job.id } });
    await db.trainingPoint.createMany({ data: points, skipDuplicates: true });
    const { measurement, validation, test, report } = result;
    if (report) await db.training.update({ where: { id: job.id }, data: { report: toJson(report) } });
    const version = await this.versions.append(db, job.projectId, training.modelId, {
      digest: result.model.digest,
      bytes: BigInt(result.model.bytes),
      inputs: toJson(result.inputs),
      outputs: toJson(result.outputs),
      labels: payload.dataset.labels,
      preprocess: toNullableJson(payload.dataset.preprocess),
      ports: toJson(declaredPorts(payload.config.model)),
      origin: payload.teacher ? 'distilled' : 'plain',
      trainingId: job.id,
      datasetId: training.datasetId,
      teacherVersionId: training.teacherVersionId,
      // A worker says 0 of 0 samples where no classes are predicted.
      metrics: toJson({ measurement, validation: countedOrNull(validation), test: countedOrNull(test) }),
    });
    return [
      { type: 'version', id: version.id },
      { type: 'model', id: training.modelId },
    ];
  }

  private async applyArtifact(db: Db, job: JobRow, result: BuiltArtifact, manifest: ArtifactManifest): Promise<Made[]> {
    const payload = CompressJob.parse(job.payload);
    await db.compression.update({
      where: { id: job.id },
      data: { report: toJson(result.report) },
      select: { id: true },
    });
    const artifact = await db.artifact.create({
      data: {
        projectId: job.projectId,
        versionId: payload.source.id,
        compressionId: job.id,
        deviceClass: manifest.deviceClass,
        // Of a search, what its best variant is called.
        recipe: result.report.recipe,
        targetPath: result.targetPath,
        manifestDigest: result.manifest.digest,
        manifestBytes: result.manifest.bytes,
        manifest: toJson(manifest),
        report: toJson(result.report),
        offered: result.report.offered,
        bytes: BigInt(manifest.files.reduce((sum, file) => sum + file.bytes, 0)),
      },
    });
    return [{ type: 'artifact', id: artifact.id }];
  }

  private async applyEvaluation(db: Db, job: JobRow, _payload: EvaluateJob, result: EvaluateResult): Promise<Made[]> {
    const { measurement, test, confusion } = result;
    const data = {
      measurement: toJson(measurement),
      ...(test && { test: toJson(test) }),
      confusion: toJson(confusion),
    };
    await db.evaluation.update({ where: { id: job.id }, data });
    return [];
  }

  /** The manifest is what devices will trust, so it must say what was asked for and what was stored. */
  private async readManifest(job: CompressJob, result: BuiltArtifact): Promise<ArtifactManifest> {
    const bytes = await this.store.read(result.manifest.digest);
    let json: unknown;
    try {
      json = JSON.parse(Buffer.from(bytes).toString('utf8'));
    } catch (cause) {
      throw new ResultRefused('the manifest is not JSON', { cause });
    }
    const parsed = ArtifactManifest.safeParse(json);
    if (!parsed.success) {
      const reasons = parsed.error.issues.map((i) => `/${i.path.join('/')}: ${i.message}`);
      throw new ResultRefused(`the manifest is not valid: ${reasons.join('; ')}`.slice(0, 2000));
    }
    const manifest = parsed.data;
    if (!isStorable(manifest)) throw new ResultRefused('the manifest has text with U+0000 or half a surrogate pair');
    const { model, version } = job.source;
    const expected = { model, version, deviceClass: job.target.name, digest: result.manifest.digest };
    const wrong: string[] = [];
    if (manifest.model !== model || manifest.version !== version) wrong.push(`expected ${model}@${version}`);
    if (manifest.deviceClass !== job.target.name) wrong.push(`expected the device class ${job.target.name}`);
    if (result.targetPath !== manifestTargetPath(expected)) wrong.push('the target path is not that of the manifest');
    if (!sameFiles(manifest.files, result.files)) wrong.push('its files are not those that the worker stored');
    if (wrong.length > 0) throw new ResultRefused(`the manifest does not fit the job: ${wrong.join('; ')}`);
    return manifest;
  }
}

const countedOrNull = (accuracy: TrainResult['test']) => (accuracy.samples > 0 ? accuracy : null);

function sameFiles(a: readonly (BlobRef & { path: string })[], b: readonly (BlobRef & { path: string })[]): boolean {
  const key = (files: typeof a): string => JSON.stringify(files.map((f) => [f.path, f.digest, f.bytes]).sort());
  return key(a) === key(b);
}

type Result = Exclude<JobResult, { kind: 'cancelled' }>;

function artifactOf(result: Result): BuiltArtifact | null {
  if (result.kind === 'compress') return result;
  return result.kind === 'search' ? result.artifact : null;
}

/** Only what was measured whole and keeps to the budget is a search's best. @throws ResultRefused */
function checkSearch({ search, artifact }: SearchResult): void {
  const best = search.variants.find(({ verdict }) => verdict === 'best');
  if ((best?.id ?? null) !== search.best || (best === undefined) !== (artifact === null))
    throw new ResultRefused('what the search found best is not what the worker made');
  if (artifact && !(best?.measured && artifact.report.offered))
    throw new ResultRefused(`the best variant, '${search.best ?? ''}', was not measured, or is outside of the budget`);
}

function blobsOf(result: Result): BlobRef[] {
  if (result.kind === 'train') return [result.model];
  const artifact = artifactOf(result);
  return artifact ? [artifact.manifest, ...artifact.files.map(({ digest, bytes }) => ({ digest, bytes }))] : [];
}
