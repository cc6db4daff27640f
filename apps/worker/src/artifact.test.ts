/** A compress job ends in an artifact that a stranger can check: digests, manifest, self-test, provenance. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '@verge/blobs';
import {
  ArtifactManifest,
  type CompressJob,
  type CompressResult,
  datasetText,
  DeviceClass,
  type EvaluateResult,
  JobResult,
  manifestTargetPath,
  Recipe,
  SelfTest,
  type TrainJob,
  type TrainResult,
  withoutQuality,
} from '@verge/contracts';
import { encodeNpz, loadDigits } from '@verge/data';
import { openSession } from '@verge/runtime';
import { verifyProvenance } from '@verge/trust/provenance';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestDeployment } from './test-deployment.js';

const digitsFolder = fileURLToPath(new URL('../../../datasets/digits/', import.meta.url));

let deployment: TestDeployment;
let training: TrainJob;
let trained: TrainResult;

beforeAll(async () => {
  deployment = await TestDeployment.open('postgres', 0);
  await deployment.worker('builder');
  training = await deployment.trainJob({ epochs: 6 });
  trained = (await deployment.result(await deployment.add(training))) as TrainResult;
});
afterAll(async () => deployment.close());

const source = (): CompressJob['source'] => ({
  id: training.id,
  model: 'digits',
  version: 1,
  task: 'classification',
  digest: trained.model.digest,
  labels: training.dataset.labels,
  preprocess: null,
  ports: {},
});

function compressJob(): CompressJob {
  return {
    id: crypto.randomUUID(),
    projectId: training.projectId,
    cancelRequested: false,
    kind: 'compress',
    source: source(),
    training: { id: training.id, config: training.config },
    dataset: training.dataset,
    recipe: Recipe.parse({
      name: 'int8',
      passes: [{ pass: 'fold' }, { pass: 'quantize-static', samples: 64 }],
      budget: { maxAccuracyDropPoints: 5, maxLatencyRatio: 100, maxSizeRatio: 0.6 },
    }),
    target: DeviceClass.parse({ name: 'edge', vnni: false }),
  };
}

const json = async (digest: string): Promise<unknown> =>
  JSON.parse(Buffer.from(await deployment.blobs.read(digest)).toString('utf8'));

/** Little-endian float32 from base64. */
const floats = (text: string): Float32Array => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);

it('makes an artifact whose every part can be checked', async () => {
  const job = compressJob();
  const result = JobResult.parse(await deployment.result(await deployment.add(job))) as CompressResult;
  const { report, manifest: reference } = result;
  expect(report.reasons).toEqual([]);
  expect(report).toMatchObject({ offered: true, recipe: 'int8', target: job.target });
  expect(report.after.bytes).toBeLessThan(0.6 * report.before.bytes);
  expect(report.before.accuracy).toBe(trained.test.accuracy);

  // The blob store checks the digest of what it reads.
  const manifest = ArtifactManifest.parse(await json(reference.digest));
  expect(manifest).toMatchObject({ model: 'digits', version: 1, deviceClass: 'edge', labels: training.dataset.labels });
  // Devices of earlier releases refuse what they do not know.
  expect(manifest.measurement).toEqual(withoutQuality(report.after));
  expect(report.after.quality?.[0]).toMatchObject({ metric: 'accuracy', samples: 359, value: report.after.accuracy });
  expect(report.after.fidelity?.[0]).toMatchObject({ reads: 'classes', samples: 359, problem: null });
  expect(manifest.files).toEqual(result.files);
  expect(manifest.files.map((f) => f.role)).toEqual(['model', 'self-test', 'provenance']);
  expect(manifest.inputs).toEqual(trained.inputs);
  expect(result.targetPath).toBe(
    manifestTargetPath({ model: 'digits', version: 1, deviceClass: 'edge', digest: reference.digest }),
  );
  const [modelFile, selfTestFile, provenanceFile] = manifest.files;
  const model = await deployment.blobs.read(modelFile!.digest);
  expect(model.byteLength).toBe(report.after.bytes);

  const selfTest = SelfTest.parse(await json(selfTestFile!.digest));
  expect(selfTest.cases).toHaveLength(8);
  const session = await openSession(model);
  for (const { inputs, outputs } of selfTest.cases) {
    const { name, dims, data } = inputs[0]!;
    const got = await session.run({ [name]: { dtype: 'float32', dims, data: floats(data) } });
    // The same runtime on the same machine: not a bit may differ.
    for (const output of outputs) expect(got[output.name]?.data).toEqual(floats(output.data));
  }
  await session.release();

  const key = await readFile(join(deployment.dataDir, 'worker', 'builder.pub.pem'), 'utf8');
  const envelope = await json(provenanceFile!.digest);
  const { statement } = verifyProvenance(envelope, { publicKeys: [key], subjectDigest: modelFile!.digest });
  const { buildDefinition, runDetails } = statement.predicate;
  expect(buildDefinition.externalParameters).toMatchObject({ recipe: { name: 'int8' }, training: { epochs: 6 } });
  const hex = (digest: string): { sha256: string } => ({ sha256: digest.slice('sha256:'.length) });
  const files = await deployment.digitsFiles();
  const lines = files.map((f) => `${f.digest} ${f.bytes} ${f.path}\n`);
  expect(files.map((f) => f.path)).toEqual(['dataset.json', 'digits.csv.gz']);
  expect(buildDefinition.resolvedDependencies?.map((d) => d.digest)).toEqual([
    hex(digestOf(Buffer.from(lines.join('')))),
    hex(trained.model.digest),
  ]);
  expect(runDetails.metadata?.invocationId).toBe(job.id);
  expect(() => verifyProvenance(envelope, { publicKeys: [key], subjectDigest: trained.model.digest })).toThrowError(
    expect.objectContaining({ code: 'statement-other-subject' }),
  );
});

it('keeps a result that is not offered, and says why', async () => {
  const job = compressJob();
  const budget = { maxAccuracyDropPoints: 5, maxLatencyRatio: 100, maxSizeRatio: 0.01 };
  const id = await deployment.add({ ...job, recipe: { ...job.recipe, budget } });
  const { report, files } = JobResult.parse(await deployment.result(id)) as CompressResult;
  expect(report.offered).toBe(false);
  expect(report.reasons).toEqual([expect.stringMatching(/size/)]);
  expect(files).toHaveLength(3);
});

it('evaluates on the test part', async () => {
  const { projectId, dataset } = training;
  const job = { id: crypto.randomUUID(), projectId, kind: 'evaluate', source: source(), dataset, threads: 1 };
  const result = JobResult.parse(await deployment.result(await deployment.add(job))) as EvaluateResult;
  expect(result.test).toEqual(trained.test);
  expect(result.confusion.flat().reduce((a, b) => a + b)).toBe(359);
});

/** The digits without their labels, as one NPZ of x alone. */
async function unlabelled(): Promise<CompressJob['dataset']> {
  const { x, y, shape } = await loadDigits(digitsFolder);
  const values = { dtype: 'float32', dims: [y.length, ...shape], data: Float32Array.from(x) };
  const stored = await deployment.blobs.put(encodeNpz([['x', values]]));
  const { digest } = await deployment.blobs.put(Buffer.from(datasetText([{ path: 'digits.npz', ...stored }])));
  return { ...training.dataset, id: crypto.randomUUID(), format: 'npz', digest, labels: [] };
}

it('quantises without labels, and judges by likeness', async () => {
  const id = await deployment.add({ ...compressJob(), dataset: await unlabelled() });
  const { report, files } = JobResult.parse(await deployment.result(id)) as CompressResult;
  expect(report.before.accuracy).toBeUndefined();
  expect(report.after.quality).toEqual([]);
  expect(report.after.fidelity?.[0]).toMatchObject({ reads: 'classes', samples: 359, problem: null });
  expect(report.after.fidelity![0]!.agreement).toBeGreaterThan(0.95);
  expect([report.offered, report.reasons]).toEqual([true, []]);
  expect(files.map((f) => f.role)).toEqual(['model', 'self-test', 'provenance']);
});

it('never offers what it destroyed, with labels or without', async () => {
  const passes = [
    { pass: 'fold' as const },
    {
      pass: 'quantize-static' as const,
      calibration: 'percentile' as const,
      percentile: 55,
      samples: 64,
      giveWay: false,
      biasCorrection: false,
    },
  ];
  for (const dataset of [training.dataset, await unlabelled()]) {
    const job = compressJob();
    const id = await deployment.add({ ...job, dataset, recipe: { ...job.recipe, passes } });
    const { report } = JobResult.parse(await deployment.result(id)) as CompressResult;
    expect(report.offered).toBe(false);
    expect(report.reasons[0]).toMatch(dataset.labels.length > 0 ? /^accuracy fell/ : /^output '.*' agrees/);
  }
});

it('evaluates without labels: latency and memory, and no figure of quality', async () => {
  const { projectId } = training;
  const dataset = await unlabelled();
  const job = { id: crypto.randomUUID(), projectId, kind: 'evaluate', source: source(), dataset, threads: 1 };
  const result = JobResult.parse(await deployment.result(await deployment.add(job))) as EvaluateResult;
  expect(result).toMatchObject({ confusion: [], measurement: { quality: [], samples: 359 } });
  expect(result.test).toBeUndefined();
  expect(result.measurement.p50Ms).toBeGreaterThan(0);
});
