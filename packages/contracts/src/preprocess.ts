/**
 * Declarative preprocessing. It travels with the model in the artifact's manifest, and the same interpreter
 * (packages/data) runs it in training, evaluation and on the device. Steps apply in order to one sample.
 */
import { z } from 'zod';

const Size = z.tuple([z.int().min(1).max(8192), z.int().min(1).max(8192)]);
const Rate = z.int().min(100).max(768_000);

/** Steps for images: [height, width] with channels. */
const imageSteps = [
  /**
   * Resize to [height, width]; 'stretch' ignores the aspect ratio, 'shorter-side' keeps it, the shorter side becoming
   * min(size), 'letterbox' keeps it within size and fills what is left on both sides with `fill` (0 when absent).
   */
  z.strictObject({
    op: z.literal('resize'),
    size: Size,
    fit: z.enum(['stretch', 'shorter-side', 'letterbox']).default('stretch'),
    filter: z.enum(['nearest', 'bilinear', 'bicubic', 'area']).default('bilinear'),
    fill: z.number().optional(),
  }),
  /**
   * The central [height, width] of the image. What cannot be halved is taken from the far side ('floor', when absent), or
   * rounded half to even as torchvision does ('half-even').
   */
  z.strictObject({ op: z.literal('center-crop'), size: Size, rounding: z.enum(['floor', 'half-even']).optional() }),
  /** Convert the colour model: ITU-R 601 luma for gray. */
  z.strictObject({ op: z.literal('color'), to: z.enum(['gray', 'rgb', 'bgr']) }),
] as const;

/** Steps for whatever numbers: images, series, vectors. */
const numberSteps = [
  /** y = x * scale + offset, element-wise. */
  z.strictObject({ op: z.literal('scale'), scale: z.number(), offset: z.number().default(0) }),
  /** y = (x - mean[c]) / std[c] with stored figures; one entry, or one for each channel (each element of a vector). */
  z.strictObject({
    op: z.literal('normalize'),
    mean: z.array(z.number()).min(1),
    std: z.array(z.number().refine((v) => v !== 0, 'expected a number other than 0')).min(1),
  }),
  /** y = (x - m) / (s + epsilon), m and s being the mean and the standard deviation of the sample itself, over all of it or each channel. */
  z.strictObject({
    op: z.literal('standardize'),
    over: z.enum(['all', 'channel']).default('all'),
    epsilon: z.number().positive().default(1e-8),
  }),
] as const;

/** Steps for series: [steps, channels]. A recording is a series with one channel. */
const seriesSteps = [
  /** Exactly so many steps: longer series are cut, shorter ones padded with `value`, so that `keep` stays where it is. */
  z.strictObject({
    op: z.literal('fit-length'),
    steps: z.int().min(1).max(16_777_216),
    keep: z.enum(['start', 'center', 'end']).default('start'),
    value: z.number().default(0),
  }),
  /** A series becomes an image of one channel: steps downwards, channels across. */
  z.strictObject({ op: z.literal('to-image') }),
] as const;

const mel = {
  rate: Rate.describe('Hz of the recordings that it expects'),
  fft: z
    .int()
    .min(16)
    .max(65_536)
    .refine((n) => Number.isInteger(Math.log2(n)), 'expected a power of two')
    .describe('points of the Fourier transform, a power of two'),
  hop: z.int().min(1).max(65_536).describe('samples from one frame to the next'),
  window: z.int().min(2).max(65_536).optional().describe('samples of the Hann window, at most fft; fft when absent'),
  mels: z.int().min(1).max(1024).default(40).describe('number of mel bands'),
  fmin: z.number().min(0).default(0).describe('lower end of the bands in Hz'),
  fmax: z.number().positive().optional().describe('upper end of the bands in Hz; half the rate when absent'),
  scale: z.enum(['slaney', 'htk']).default('slaney').describe("Slaney's scale (linear to 1 kHz) or HTK's"),
  norm: z
    .enum(['slaney', 'none'])
    .default('slaney')
    .describe("'slaney': every band has the same area; 'none': the same height"),
  power: z
    .union([z.literal(1), z.literal(2)])
    .default(2)
    .describe('2 for powers, 1 for magnitudes'),
  center: z
    .boolean()
    .default(true)
    .describe('frames are centred on their time, with zeros before and after the recording; or lie wholly within it'),
  log: z.enum(['db', 'natural']).default('db').describe("'db': 10 log10(max(floor, x)); 'natural': ln(x + floor)"),
  floor: z.number().positive().default(1e-10),
  topDb: z
    .number()
    .min(0)
    .optional()
    .describe("with 'db': values more than so much below the recording's maximum are raised to that"),
};

/** Steps for recordings. */
const audioSteps = [
  /** To `rate` Hz by a windowed sinc; from the recording's own rate, or `from` where the sample is an array. */
  z.strictObject({ op: z.literal('resample'), rate: Rate, from: Rate.optional() }),
  /** Cuts beginning and end that are more than `topDb` below the loudest of frames of `frame` samples, every `hop`. */
  z.strictObject({
    op: z.literal('trim-silence'),
    topDb: z.number().positive().default(60),
    frame: z.int().min(2).max(65_536).default(2048),
    hop: z.int().min(1).max(65_536).default(512),
  }),
  /** y[t] = x[t] - coefficient * x[t - 1]. */
  z.strictObject({ op: z.literal('pre-emphasis'), coefficient: z.number().min(0).max(1).default(0.97) }),
  /** Logarithm of the energies in mel bands: a series of one channel for each band. */
  z.strictObject({ op: z.literal('log-mel'), ...mel }),
  /** The first cepstral coefficients: the orthonormal DCT-II over the bands of 'log-mel'. */
  z.strictObject({ op: z.literal('mfcc'), ...mel, coefficients: z.int().min(1).max(1024).default(13) }),
] as const;

export const PreprocessStep = z
  .discriminatedUnion('op', [...imageSteps, ...numberSteps, ...seriesSteps, ...audioSteps])
  .meta({ id: 'PreprocessStep' });
export type PreprocessStep = z.infer<typeof PreprocessStep>;
/** One kind of step. */
export type StepOf<Op extends PreprocessStep['op']> = Extract<PreprocessStep, { op: Op }>;

/**
 * Meaning of the axes: 'HW', 'HWC', 'CHW' for images, 'TC' (steps first) and 'CT' for series, 'N' for plain vectors.
 */
const Layout = z.enum(['HW', 'HWC', 'CHW', 'TC', 'CT', 'N']).meta({ id: 'Layout' });

export const Preprocess = z
  .strictObject({
    input: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('image') }),
        /** Its channels are averaged to one. */
        z.strictObject({ kind: z.literal('audio') }),
        z.strictObject({
          kind: z.literal('array'),
          shape: z.array(z.int().min(1)).min(1).max(8),
          layout: Layout,
        }),
      ])
      .meta({ id: 'RawSample' })
      .describe(
        'what a raw sample is: an encoded image, an encoded recording (WAV), or an array of the given shape (row-major)',
      ),
    steps: z.array(PreprocessStep).max(32),
    output: z
      .strictObject({
        layout: Layout,
        shape: z.array(z.int().min(1)).min(1).max(8),
        dtype: z.enum(['float32', 'uint8']).default('float32'),
      })
      .meta({ id: 'PreparedSample' })
      .describe('layout of the tensor that the model reads, without the batch axis'),
  })
  .meta({ id: 'Preprocess' });
export type Preprocess = z.infer<typeof Preprocess>;
