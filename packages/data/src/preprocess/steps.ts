/** The steps: what each does to a sample, and what can be said of it before there is one. */
import type { PreprocessStep, StepOf } from '@verge/contracts';
import { melFrames, type MelStep } from './audio/features.js';
import { isSimple } from './audio/resample.js';
import { swapRedBlue, toGray, toRgb } from './image.js';
import { centerCrop, resizeStep, shorterSide } from './image-steps.js';
import { normalize, scale, standardize } from './numbers.js';
import type { Sample } from './sample.js';
import { fitLength, melStep, preEmphasis, resampleStep, toImage, trimStep } from './series-steps.js';

/** What is known of a sample before it is there; null is unknown. */
export interface Facts {
  readonly kind: Sample['kind'];
  /** Whether it is a plain vector: a series of one step. */
  readonly vector: boolean;
  readonly height: number | null;
  readonly width: number | null;
  readonly channels: number | null;
  readonly rate: number | null;
}

/** What comes after the step; problems are handed to `refuse`. */
type Foresee<Op extends PreprocessStep['op']> = (
  facts: Facts,
  step: StepOf<Op>,
  refuse: (problem: string) => void,
) => Facts;

interface Step<Op extends PreprocessStep['op']> {
  readonly apply: (sample: Sample, step: StepOf<Op>) => Sample;
  readonly foresee: Foresee<Op>;
}

const named = (facts: Facts): string =>
  facts.vector ? 'a plain vector' : facts.kind === 'image' ? 'an image' : 'a series';

/** A step for images. */
const image =
  <Op extends PreprocessStep['op']>(then: Foresee<Op>): Foresee<Op> =>
  (facts, step, refuse) => {
    if (facts.kind !== 'image') refuse(`${step.op} needs an image, the input is ${named(facts)}`);
    return then(facts, step, refuse);
  };

/** A step for series. */
const series =
  <Op extends PreprocessStep['op']>(then: Foresee<Op>): Foresee<Op> =>
  (facts, step, refuse) => {
    if (facts.kind !== 'series' || facts.vector) refuse(`${step.op} needs a series, the input is ${named(facts)}`);
    return then(facts, step, refuse);
  };

/** A step for recordings: series of one channel. */
const recording = <Op extends PreprocessStep['op']>(then: Foresee<Op>): Foresee<Op> =>
  series((facts, step, refuse) => {
    if (facts.channels !== null && facts.channels !== 1)
      refuse(`${step.op} needs one channel, there are ${facts.channels}`);
    return then(facts, step, refuse);
  });

/** log-mel and mfcc: frames become the steps, bands or coefficients the channels. */
function mel(facts: Facts, step: MelStep, refuse: (problem: string) => void): Facts {
  const { op, rate, fft, window, fmin, fmax, mels } = step;
  if (window !== undefined && window > fft) refuse(`${op}: a window of ${window} does not fit ${fft} points`);
  if (fmin >= (fmax ?? rate / 2)) refuse(`${op}: fmin ${fmin} is not below fmax ${fmax ?? rate / 2}`);
  if (fmax !== undefined && fmax > rate / 2) refuse(`${op}: fmax ${fmax} is above half the rate`);
  if (op === 'mfcc' && step.coefficients > mels) refuse(`mfcc: ${step.coefficients} coefficients of ${mels} bands`);
  if (facts.rate !== null && facts.rate !== rate)
    refuse(`${op} is for ${rate} Hz, the recording has ${facts.rate} Hz: resample it first`);
  const frames = facts.width === null ? null : melFrames(facts.width, step);
  if (frames !== null && frames < 1) refuse(`${op}: ${facts.width} samples are too few for a frame`);
  return {
    ...facts,
    width: frames !== null && frames < 1 ? null : frames,
    channels: op === 'mfcc' ? step.coefficients : mels,
    rate: null,
  };
}

function shorter(facts: Facts, { size }: StepOf<'resize'>): Facts {
  const { height, width } = facts;
  if (height === null || width === null) return { ...facts, height: null, width: null };
  const [rows, columns] = shorterSide(height, width, Math.min(...size));
  return { ...facts, height: rows, width: columns };
}

export const steps: { readonly [Op in PreprocessStep['op']]: Step<Op> } = {
  resize: {
    apply: resizeStep,
    foresee: image((facts, step, refuse) => {
      if (step.fill !== undefined && step.fit !== 'letterbox') refuse(`resize: fill is for letterbox, not ${step.fit}`);
      if (step.fit === 'shorter-side') return shorter(facts, step);
      return { ...facts, height: step.size[0], width: step.size[1] };
    }),
  },
  'center-crop': {
    apply: centerCrop,
    foresee: image((facts, { size: [height, width] }, refuse) => {
      if ((facts.height ?? height) < height || (facts.width ?? width) < width)
        refuse(`center-crop to ${height}x${width} of an image of ${facts.height}x${facts.width}`);
      return { ...facts, height, width };
    }),
  },
  color: {
    apply: (sample, { to }) => {
      if (to === 'gray') return { ...sample, ...toGray(sample) };
      return { ...sample, ...(to === 'rgb' ? toRgb(sample) : swapRedBlue(toRgb(sample))) };
    },
    foresee: image((facts, { to }, refuse) => {
      if (facts.kind === 'image' && facts.channels !== null && facts.channels !== 1 && facts.channels !== 3)
        refuse(`color needs 1 or 3 channels, there are ${facts.channels}`);
      return { ...facts, channels: to === 'gray' ? 1 : 3 };
    }),
  },
  scale: { apply: scale, foresee: (facts) => facts },
  normalize: {
    apply: normalize,
    foresee: (facts, step, refuse) => {
      for (const key of ['mean', 'std'] as const) {
        const n = step[key].length;
        if (facts.channels !== null && n !== 1 && n !== facts.channels)
          refuse(`${key} has ${n} entries, expected 1 or ${facts.channels}`);
      }
      return facts;
    },
  },
  standardize: { apply: standardize, foresee: (facts) => facts },
  'fit-length': { apply: fitLength, foresee: series((facts, step) => ({ ...facts, width: step.steps })) },
  'to-image': {
    apply: toImage,
    foresee: series((facts) => ({
      ...facts,
      kind: 'image',
      height: facts.width,
      width: facts.channels,
      channels: 1,
      rate: null,
    })),
  },
  resample: {
    apply: resampleStep,
    foresee: recording((facts, { rate, from }, refuse) => {
      const known = facts.rate ?? from ?? null;
      if (known === null && facts.width !== null) refuse('resample: an array needs `from`, the rate that it has');
      if (from !== undefined && from !== known) refuse(`resample from ${from} Hz of a recording at ${known} Hz`);
      if (known !== null && !isSimple(known, rate))
        refuse(`resample from ${known} to ${rate} Hz: the factor is not simple`);
      const width = facts.width === null || known === null ? null : Math.ceil((facts.width * rate) / known);
      return { ...facts, width, rate };
    }),
  },
  'trim-silence': { apply: trimStep, foresee: recording((facts) => ({ ...facts, width: null })) },
  'pre-emphasis': { apply: preEmphasis, foresee: recording((facts) => facts) },
  'log-mel': { apply: melStep, foresee: recording<'log-mel'>(mel) },
  mfcc: { apply: melStep, foresee: recording<'mfcc'>(mel) },
};
