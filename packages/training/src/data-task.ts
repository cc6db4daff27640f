/** What a data set makes of a configuration: numbers are learnt as numbers, and a network has as many outputs as there are. */
import type { TrainingConfig } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { TrainingError } from './errors.js';
import { taskOf } from './loop/task.js';
import { axesOf } from './sample-axes.js';
import { lossOfConfig } from './train.js';

export interface DataTask {
  /** The configuration with the loss that the data ask for, where it names none. */
  readonly config: TrainingConfig;
  /** Outputs of a built-in network: one for each class, or for each number of a sample. */
  readonly classes: number;
  /** What was decided, in words. */
  readonly notes: readonly string[];
}

/** What has to be known of all samples of a data set. */
export type KnownOfData = Pick<Samples, 'y' | 'labels' | 'targets' | 'shape' | 'layout'>;

/** Numbers that are right of one sample; 0 where that is a class, or nothing. */
export function numbersOfSample({ y, targets }: Pick<Samples, 'y' | 'targets'>): number {
  return targets instanceof Float32Array && y.length > 0 ? targets.length / y.length : 0;
}

/**
 * @throws TrainingError `bad-options` where the configuration names a loss of classes and the data hold numbers, or a built-in network
 *   reads other axes than the samples have
 */
export function taskOfData(config: TrainingConfig, data: KnownOfData): DataTask {
  const said = axesOf(config, data);
  const task = targetTask(config, data);
  return { ...task, notes: [...said, ...task.notes] };
}

function targetTask(config: TrainingConfig, data: KnownOfData): DataTask {
  const width = numbersOfSample(data);
  const classes = data.labels.length;
  if (config.forecast) return { config, classes, notes: [] };
  if (width === 0) {
    const alone = classes === 1 && taskOf(lossOfConfig(config)) === 'classes';
    return {
      config,
      classes,
      notes: alone ? [`all samples are of the class '${data.labels[0]}': there is nothing to tell apart`] : [],
    };
  }
  if (config.loss === undefined)
    return {
      config: { ...config, loss: { kind: 'mse' } },
      classes: width,
      notes: [`each sample has ${width === 1 ? 'a number' : `${width} numbers`} to learn, so the loss is mse`],
    };
  if (taskOf(lossOfConfig(config)) !== 'values')
    throw new TrainingError(
      'bad-options',
      `loss: the data set holds numbers, '${config.loss.kind}' compares with classes; expected mse, mae or huber, or targetKind: class for the data`,
    );
  return { config, classes: width, notes: [] };
}
