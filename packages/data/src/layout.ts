/** Which axis of a sample is what. Channels stand first in what networks read of images, and last in what they read of series. */
import type { Preprocess } from '@verge/contracts';
import { DataError } from './errors.js';
import type { OpenOptions } from './readers/options.js';

/** Axes of one sample, by their first letters: channels, height, width, time. */
export type SampleLayout = Preprocess['output']['layout'];

const read = { HWC: 'CHW', CT: 'TC', CHW: 'CHW', TC: 'TC' } as const;

/**
 * The pipeline that turns samples of a stored layout into what networks read; undefined where they are so already.
 * @param dtype of the samples, which stays
 * @throws DataError `bad-setting` where the samples have another number of axes, or a pipeline says their layout itself
 */
export function layoutPipeline(
  { layout, preprocess }: Pick<OpenOptions, 'layout' | 'preprocess'>,
  shape: readonly number[],
  dtype: 'uint8' | 'float32',
): Preprocess | undefined {
  if (layout === undefined) return undefined;
  if (preprocess) throw new DataError('bad-setting', 'layout: the pipeline says the layout of what it reads itself');
  if (shape.length !== layout.length)
    throw new DataError(
      'bad-setting',
      `layout: ${layout} has ${layout.length} axes, the samples are [${shape.join(', ')}]`,
    );
  const wanted = read[layout];
  if (wanted === layout) return undefined;
  const place = [...wanted].map((axis) => shape[layout.indexOf(axis)] as number);
  return {
    input: { kind: 'array', shape: [...shape], layout },
    steps: [],
    output: { layout: wanted, shape: place, dtype },
  };
}

/** What is known of the axes of samples as they are handed on. */
export function layoutKnown(
  { layout, preprocess }: Pick<OpenOptions, 'layout' | 'preprocess'>,
  stored: SampleLayout | undefined,
): SampleLayout | undefined {
  if (preprocess) return preprocess.output.layout;
  return layout === undefined ? stored : read[layout];
}
