import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SessionOptions } from '@verge/onnx';
import { RuntimeError, messageOf } from './errors.js';
import { loadOrt } from './ort.js';

/**
 * The model as ONNX Runtime runs it here: fused and laid out for this CPU. It shows what fused and what did not; it is not
 * portable and not meant to be shipped.
 * @throws RuntimeError `model-refused`
 */
export async function optimizedModel(
  model: Uint8Array,
  options: Pick<SessionOptions, 'optimization'> = {},
): Promise<Uint8Array> {
  const ort = await loadOrt();
  const folder = await mkdtemp(join(tmpdir(), 'verge-optimized-'));
  const file = join(folder, 'model.onnx');
  try {
    const session = await ort.InferenceSession.create(model, {
      graphOptimizationLevel: options.optimization ?? 'all',
      optimizedModelFilePath: file,
      intraOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    await session.release();
    return new Uint8Array(await readFile(file));
  } catch (cause) {
    throw new RuntimeError('model-refused', messageOf(cause), { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
