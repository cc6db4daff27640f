/** Tiny signed-able artifacts: a linear classifier of 2x2 scans with three classes. */
import { createHash } from 'node:crypto';
import { manifestTargetPath, type ArtifactManifest, type SelfTest } from '@verge/contracts';
import { encodeModel, float32, GraphBuilder } from '@verge/onnx';
import type { Target } from '@verge/trust/publish';

export interface BuiltArtifact {
  manifest: ArtifactManifest;
  digest: string;
  /** Manifest and files by digest. */
  blobs: Map<string, Buffer>;
  /** As both repositories sign it. */
  target: Target;
  modelDigest: string;
}

export interface BuildOptions {
  version: number;
  deviceClass?: string;
  /** Added to the first score, so that answers tell which version gave them. */
  bias?: number;
  /** Incompressible bytes beside the model, to make downloads long. */
  ballast?: number;
  /** What the self-test expects of the first score, off by this. */
  selfTestError?: number;
  /** Bytes instead of a model. */
  model?: Buffer;
  manifest?: Partial<ArtifactManifest>;
}

export const model = 'scans';

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** scores = x . W + [bias, 0, 0], W sums the four pixels with weights 1, 2, 3. */
export function linearModel(bias: number, padding?: Int8Array): Buffer {
  const builder = new GraphBuilder();
  // Nothing reads it.
  if (padding) builder.initializer('padding', { dtype: 'int8', dims: [padding.length], data: padding });
  builder.input('x', 'float32', ['batch', 4]);
  const weights = builder.constant(
    float32(
      [4, 3],
      Array.from({ length: 12 }, (_, i) => (i % 3) + 1),
    ),
  );
  const offset = builder.constant(float32([3], [bias, 0, 0]));
  builder.node('Gemm', ['x', weights, offset], {}, 1, { outputNames: ['scores'] });
  builder.output('scores', 'float32', ['batch', 3]);
  return Buffer.from(encodeModel(builder.build()));
}

export function scoresOf(pixels: readonly number[], bias: number): number[] {
  const sum = pixels.reduce((a, b) => a + b, 0);
  return [sum + bias, 2 * sum, 3 * sum];
}

function selfTest(bias: number, error: number): SelfTest {
  const inputs = [0.5, 0.25, 0, 0.25];
  const data = (values: readonly number[]): string => Buffer.from(Float32Array.from(values).buffer).toString('base64');
  const scores = scoresOf(inputs, bias);
  scores[0]! += error;
  return {
    schema: 'verge.self-test/1',
    cases: [
      {
        inputs: [{ name: 'x', dtype: 'float32', dims: [1, 4], data: data(inputs) }],
        outputs: [{ name: 'scores', dtype: 'float32', dims: [1, 3], data: data(scores) }],
      },
    ],
    absoluteTolerance: 1e-5,
    minSameClass: 1,
  };
}

export function buildArtifact(options: BuildOptions): BuiltArtifact {
  const { version, deviceClass = 'edge-small', bias = version * 100, ballast = 0 } = options;
  const blobs = new Map<string, Buffer>();
  const files: ArtifactManifest['files'] = [];
  const add = (path: string, role: 'model' | 'self-test' | 'provenance', bytes: Buffer): string => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    files.push({ path, role, digest, bytes: bytes.length });
    return digest;
  };
  const modelDigest = add('model.onnx', 'model', options.model ?? linearModel(bias));
  add('self-test.json', 'self-test', Buffer.from(JSON.stringify(selfTest(bias, options.selfTestError ?? 0))));
  if (ballast > 0) {
    const parts: Buffer[] = [];
    for (let i = 0; i < ballast / 32; i++) parts.push(createHash('sha256').update(`${version}/${i}`).digest());
    add('ballast.bin', 'provenance', Buffer.concat(parts));
  }
  const manifest: ArtifactManifest = {
    schema: 'verge.artifact/1',
    model,
    version,
    deviceClass,
    task: 'classification',
    createdAt: '2025-01-01T00:00:00Z',
    files,
    inputs: [{ name: 'x', dtype: 'float32', shape: [-1, 4] }],
    outputs: [{ name: 'scores', dtype: 'float32', shape: [-1, 3] }],
    preprocess: {
      input: { kind: 'array', shape: [2, 2], layout: 'HW' },
      steps: [{ op: 'scale', scale: 1 / 16, offset: 0 }],
      output: { layout: 'N', shape: [4], dtype: 'float32' },
    },
    labels: ['zero', 'one', 'two'],
    measurement: {
      bytes: 1,
      parameters: 15,
      macs: 12,
      accuracy: 1,
      samples: 1,
      p50Ms: 1,
      p95Ms: 1,
      peakRssBytes: 1,
      threads: 1,
      runs: 1,
      machine: 'test',
    },
    ...options.manifest,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = digestOf(bytes);
  blobs.set(digest, bytes);
  const path = manifestTargetPath({ model, version, deviceClass, digest });
  return {
    manifest,
    digest,
    blobs,
    modelDigest,
    target: { path, length: bytes.length, sha256: digest.slice('sha256:'.length) },
  };
}
