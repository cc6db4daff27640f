/** Whether a built-in network reads the axes of the samples in the order in which they are. What is not known is asked for. */
import type { TrainingConfig } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { architectures } from './architectures/registry.js';
import { TrainingError } from './errors.js';

/** As many channels as images usually have. */
const FEW = 4;

const fail = (name: string, why: string): never => {
  throw new TrainingError('bad-options', `architecture '${name}': ${why}`);
};

const channelsFirst = '[channels, height, width]';
const stepsFirst = '[steps, channels]';

function ofImages(name: string, { shape, layout }: Pick<Samples, 'shape' | 'layout'>): string[] {
  const [first = 0, , last = 0] = shape;
  const text = `[${shape.join(', ')}]`;
  if (layout === 'CHW') return [];
  if (layout !== undefined)
    return fail(
      name,
      `it reads ${channelsFirst}, the samples ${text} are ${layout}; expected data.preprocess with an output of the layout CHW`,
    );
  if (last <= FEW && first > FEW)
    return fail(
      name,
      `it reads ${channelsFirst}, the samples are ${text}: say data.layout, HWC where their channels stand last, or CHW`,
    );
  return [`the samples ${text} are taken for ${channelsFirst}; data.layout says otherwise`];
}

function ofSeries(name: string, { shape, layout }: Pick<Samples, 'shape' | 'layout'>): string[] {
  const [steps = 0, channels = 0] = shape;
  const text = `[${shape.join(', ')}]`;
  if (layout === 'TC') return [];
  if (layout === 'CT')
    return fail(
      name,
      `it reads ${stepsFirst}, the samples ${text} are CT; expected a pipeline with an output of the layout TC`,
    );
  if (layout === undefined && channels > steps)
    return fail(
      name,
      `it reads ${stepsFirst}, the samples are ${text}: say data.layout, CT where their steps stand last, or TC`,
    );
  return [`the samples ${text} are taken for ${stepsFirst}; data.layout says otherwise`];
}

/**
 * @returns what was taken for granted, in words
 * @throws TrainingError `bad-options` naming the option that decides
 */
export function axesOf({ model }: TrainingConfig, samples: Pick<Samples, 'shape' | 'layout'>): string[] {
  if (!('architecture' in model)) return [];
  const input = Object.hasOwn(architectures, model.architecture) ? architectures[model.architecture]!.input : 'any';
  const rank = samples.shape.length;
  if (rank === 3 && (input === 'image' || input === 'image or series')) return ofImages(model.architecture, samples);
  if (rank === 2 && (input === 'series' || input === 'image or series')) return ofSeries(model.architecture, samples);
  return [];
}
