/** From a compressed model to an artifact: self-test, provenance, manifest; each a blob, the manifest naming them all. */
import {
  type ArtifactFile,
  type ArtifactManifest,
  type BuiltArtifact,
  type CompressionReport,
  type CompressJob,
  manifestTargetPath,
  type Recipe,
  settingsOfPorts,
  withoutQuality,
} from '@verge/contracts';
import type { Samples } from '@verge/data';
import { carriedForm, decodeModel } from '@verge/onnx';
import { modelPorts } from '@verge/runtime';
import { createProvenance, type JsonValue, signProvenance } from '@verge/trust/provenance';
import type { JobContext } from './job-context.js';
import { buildSelfTest } from './self-test.js';

/** A compressed model and how it was made of the source. */
export interface Compressed {
  readonly model: Uint8Array;
  readonly recipe: Recipe;
  readonly report: CompressionReport;
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const asJson = (value: unknown): JsonValue => JSON.parse(JSON.stringify(value)) as JsonValue;

function provenance(
  job: CompressJob,
  recipe: Recipe,
  modelDigest: string,
  context: JobContext,
  startedOn: Date,
): Uint8Array {
  const { name, signer } = context.builder;
  const statement = createProvenance({
    kind: 'compress',
    subjects: [{ name: 'model.onnx', digest: modelDigest }],
    dataset: { name: job.dataset.name, digest: job.dataset.digest },
    parents: [{ name: `${job.source.model}@${job.source.version}`, digest: job.source.digest }],
    ...(job.training ? { training: asJson(job.training.config) } : {}),
    recipe: asJson(recipe),
    builder: { id: `urn:verge:worker:${encodeURIComponent(name)}`, version: { node: process.versions.node } },
    invocationId: job.id,
    startedOn,
    finishedOn: new Date(),
  });
  return json(signProvenance(statement, [signer]));
}

export async function buildArtifact(
  job: CompressJob,
  { model, recipe, report }: Compressed,
  samples: Samples,
  context: JobContext,
  startedOn: Date,
): Promise<BuiltArtifact> {
  const { blobs } = context;
  const files: ArtifactFile[] = [];
  const add = async (path: string, role: ArtifactFile['role'], bytes: Uint8Array): Promise<string> => {
    const stored = await blobs.put(bytes);
    files.push({ path, role, digest: stored.digest, bytes: stored.bytes });
    return stored.digest;
  };
  const modelDigest = await add('model.onnx', 'model', model);
  await add(
    'self-test.json',
    'self-test',
    json(await buildSelfTest(model, samples, { ports: settingsOfPorts(job.source.ports) })),
  );
  await add('provenance.dsse.json', 'provenance', provenance(job, recipe, modelDigest, context, startedOn));
  const { model: name, version, task, labels, preprocess } = job.source;
  const manifest: ArtifactManifest = {
    schema: 'verge.artifact/1',
    model: name,
    version,
    deviceClass: job.target.name,
    task,
    createdAt: new Date().toISOString(),
    files,
    // As the runtime of a device gives them: scores where the file has a ZipMap.
    ...modelPorts(carriedForm(decodeModel(model)).model),
    preprocess,
    labels,
    measurement: withoutQuality(report.after),
  };
  const { digest, bytes } = await blobs.put(json(manifest));
  return {
    manifest: { digest, bytes },
    targetPath: manifestTargetPath({ model: name, version, deviceClass: job.target.name, digest }),
    files,
    report,
  };
}
