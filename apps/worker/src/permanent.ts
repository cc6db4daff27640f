/** Which failures come from what the job was given, and would come again on every attempt. */
import { CompressionError } from '@verge/compression';
import { DataError } from '@verge/data';
import { OnnxError } from '@verge/onnx';
import { RuntimeError, type RuntimeErrorCode } from '@verge/runtime';
import { TrainingError } from '@verge/training';
import { ShardFailed } from './job-context.js';

const ofInput: ReadonlySet<RuntimeErrorCode> = new Set([
  'model-refused',
  'bad-feed',
  'bad-output',
  'unsupported-type',
  'bad-samples',
  'bad-setting',
]);

export function isPermanent(error: unknown): error is Error {
  if (error instanceof RuntimeError) return ofInput.has(error.code);
  return [DataError, OnnxError, TrainingError, CompressionError, ShardFailed].some((kind) => error instanceof kind);
}
