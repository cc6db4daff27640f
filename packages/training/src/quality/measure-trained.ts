/** What a training made, measured: on the test part whole, on the validation part by its accuracy. */
import type { Accuracy, Measurement, TrainingConfig } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { sourceOf } from '../loop/source.js';
import { taskOf } from '../loop/task.js';
import { lossOfConfig, samplesOfConfig } from '../train.js';
import { type MeasuredModel, measureModels, type MeasureOptions } from './measure-models.js';
import { measureQuality } from './measure-quality.js';
import type { QualityAims } from './plan.js';
import { openSubject } from './subject.js';

/** What the network of a configuration is for. Distances between embeddings are judged by no figure. */
export function qualityTaskOf(
  config: TrainingConfig,
  samples: Pick<Samples, 'targets'>,
): NonNullable<QualityAims['task']> {
  const task = taskOf(lossOfConfig(config));
  if (task === 'classes') return 'classification';
  if (task === 'values') {
    if (config.forecast) return 'forecasting';
    return samples.targets instanceof Float32Array ? 'regression' : 'reconstruction';
  }
  return 'none';
}

/** Samples as the task of a configuration reads them: forecasts are shorter, and have the rest as targets. */
async function judgedSamples(config: TrainingConfig, samples: Samples): Promise<Samples> {
  if (!config.forecast || samples.y.length === 0) return samples;
  const source = sourceOf(samplesOfConfig(config, samples));
  const { x, targets } = await source.read(Int32Array.from({ length: source.count }, (_, i) => i));
  const { name } = samples;
  const unlabelled = { y: new Int32Array(source.count).fill(-1), labels: [], name };
  return { ...unlabelled, x: Float32Array.from(x), shape: source.shape, targets: Float32Array.from(targets!) };
}

export interface TrainedFigures {
  readonly measurement: Measurement;
  /** 0 of 0 samples where no classes are predicted. */
  readonly test: Accuracy;
  readonly validation: Accuracy;
  /** confusion[true class][predicted class] of the test part, where classes are predicted. */
  readonly confusion?: number[][];
}

const none: Accuracy = { samples: 0, accuracy: 0, top5: 0 };

/** @throws as `measureModels`; TrainingError `bad-samples` for labels that nothing can be made of */
export async function measureTrained(
  config: TrainingConfig,
  trained: MeasuredModel,
  parts: { readonly test: Samples; readonly validation: Samples },
  options: Omit<MeasureOptions, 'task'>,
): Promise<TrainedFigures> {
  const task = qualityTaskOf(config, parts.test);
  const test = await judgedSamples(config, parts.test);
  const [measured] = await measureModels([trained], test, { ...options, task });
  const { measurement, accuracy, confusion, failures } = measured!;
  if (task !== 'classification') return { measurement, test: none, validation: none };
  if (!accuracy) throw failures[0]!;
  const { file } = trained;
  const bytes = file instanceof Uint8Array ? file : undefined;
  const subject = await openSubject(trained.model, options.createSession, { bytes, open: options.open });
  try {
    const [validated] = await measureQuality([subject], parts.validation, { ...options, task });
    const validation = validated!.accuracy ?? none;
    return { measurement, test: accuracy, validation, ...(confusion && { confusion }) };
  } finally {
    await subject.session.release();
  }
}
