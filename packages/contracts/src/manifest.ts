/**
 * The manifest of an artifact: everything a device needs to run one model, named by content. Its own digest is the
 * artifact's identity, and it is the one file that both TUF repositories sign; the files it lists are bound by digest.
 */
import { z } from 'zod';
import { Digest, Instant, Slug } from './identifiers.js';
import { Measurement } from './measurement.js';
import { Preprocess } from './preprocess.js';

export const TensorSpec = z
  .strictObject({
    name: z.string().min(1),
    dtype: z.enum([
      'float32',
      'float16',
      'float64',
      'int8',
      'uint8',
      'int16',
      'uint16',
      'int32',
      'uint32',
      'int64',
      'uint64',
      'bool',
      'string',
    ]),
    shape: z.array(z.int().min(-1)).describe('-1 is a free axis (the batch)'),
  })
  .meta({ id: 'TensorSpec' });
export type TensorSpec = z.infer<typeof TensorSpec>;

export const ArtifactFile = z
  .strictObject({
    path: z
      .string()
      .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, 'expected a plain file name')
      .describe('a plain file name: no folders, so that nothing can be written outside the slot'),
    role: z.enum(['model', 'self-test', 'provenance']),
    digest: Digest,
    bytes: z.int().min(0),
  })
  .meta({ id: 'ArtifactFile' });
export type ArtifactFile = z.infer<typeof ArtifactFile>;

export const Task = z.enum(['classification', 'regression', 'other']).meta({ id: 'Task' });
export type Task = z.infer<typeof Task>;

export const ArtifactManifest = z
  .strictObject({
    schema: z.literal('verge.artifact/1'),
    model: Slug,
    version: z.int().min(1),
    deviceClass: Slug,
    task: Task,
    createdAt: Instant,
    files: z
      .array(ArtifactFile)
      .min(1)
      .max(64)
      .refine((files) => new Set(files.map((f) => f.path)).size === files.length, 'expected distinct file names')
      .refine(
        (files) => files.filter((f) => f.role === 'model').length === 1,
        'expected exactly one file with the role model',
      ),
    inputs: z.array(TensorSpec).min(1),
    outputs: z.array(TensorSpec).min(1),
    preprocess: Preprocess.nullable(),
    labels: z.array(z.string()),
    measurement: Measurement.describe('what was measured when the artifact was built'),
  })
  .meta({ id: 'ArtifactManifest' });
export type ArtifactManifest = z.infer<typeof ArtifactManifest>;

/** The TUF target path of an artifact's manifest, the same in both repositories. */
export function manifestTargetPath(of: {
  model: string;
  version: number;
  deviceClass: string;
  digest: string;
}): string {
  return `${of.model}/${of.version}/${of.deviceClass}/${of.digest.slice('sha256:'.length, 'sha256:'.length + 16)}.json`;
}

const SelfTestTensor = z.strictObject({
  name: z.string().min(1),
  dtype: TensorSpec.shape.dtype,
  dims: z.array(z.int().min(0)),
  data: z.base64().describe('little-endian elements, base64'),
});

/** Inputs with the outputs that the builder's runtime gave; a device must agree within the tolerance before it activates. */
export const SelfTest = z.strictObject({
  schema: z.literal('verge.self-test/1'),
  cases: z
    .array(z.strictObject({ inputs: z.array(SelfTestTensor).min(1), outputs: z.array(SelfTestTensor).min(1) }))
    .min(1)
    .max(64),
  absoluteTolerance: z.number().min(0).describe('largest |device - builder| of any output element'),
  minSameClass: z
    .number()
    .min(0)
    .max(1)
    .describe('fraction of cases whose largest output must be the same class; 0 when the outputs are not class scores'),
});
export type SelfTest = z.infer<typeof SelfTest>;
