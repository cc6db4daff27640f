/** What the tests of this folder do with models. */
import type { Samples } from '@verge/data';
import type { Model, SessionFactory } from '@verge/onnx';
import { measureQuality, type Assessment, type QualityOptions } from './measure-quality.js';
import { openSubject } from './subject.js';

/** Models loaded, measured on the same samples, the first being the source, and released. */
export async function assessAll(
  createSession: SessionFactory,
  models: readonly Model[],
  samples: Samples,
  options: QualityOptions = {},
): Promise<Assessment[]> {
  const subjects = await Promise.all(models.map((model) => openSubject(model, createSession)));
  try {
    return await measureQuality(subjects, samples, options);
  } finally {
    for (const { session } of subjects) await session.release();
  }
}
