/** What was measured of a model, on which hardware. */
import { z } from 'zod';
import { Slug } from './identifiers.js';

export const Accuracy = z
  .strictObject({
    samples: z.int().min(0),
    accuracy: z.number().min(0).max(1).describe('top-1 accuracy as a fraction'),
    top5: z.number().min(0).max(1),
  })
  .meta({ id: 'Accuracy' });
export type Accuracy = z.infer<typeof Accuracy>;

/** What a figure of quality is about. */
export const QualityTask = z
  .enum([
    'classification',
    'multi-label',
    'regression',
    'forecasting',
    'reconstruction',
    'anomaly',
    'segmentation',
    'sequence',
  ])
  .meta({ id: 'QualityTask' });
export type QualityTask = z.infer<typeof QualityTask>;

/**
 * Where the figure of all data like the samples lies, as far as the samples tell: a confidence interval of 95 %. `wilson`: Wilson's
 * score interval of a share. `normal`: mean and 1.96 standard errors. `bootstrap`: percentiles 2.5 and 97.5 over samples drawn
 * with replacement, from a fixed seed.
 */
export const Interval = z
  .object({ low: z.number(), high: z.number(), method: z.enum(['wilson', 'normal', 'bootstrap']) })
  .meta({ id: 'Interval' });
export type Interval = z.infer<typeof Interval>;

/** How good one output of a model is, against what the data say it should be. */
export const Quality = z
  .object({
    output: z.string().describe('the output that was judged'),
    task: QualityTask,
    metric: z.string().describe('accuracy, top5, macroF1, auc, rmse, mae, r2, mIoU, labelErrorRate'),
    value: z.number(),
    higherIsBetter: z.boolean(),
    samples: z.int().min(1),
    interval: Interval.nullable().describe('null where none is known of the figure'),
    baseline: z
      .number()
      .nullable()
      .describe('what a constant answer would get: a model that is no better learned nothing that this figure shows'),
  })
  .meta({ id: 'Quality' });
export type Quality = z.infer<typeof Quality>;

/**
 * How near one output is to the source model's on the same samples; no labels are needed. Figures are null where an output has
 * none: labels have no signal, numbers that are no scores of classes no agreement.
 */
export const Fidelity = z
  .object({
    output: z.string(),
    reads: z
      .enum(['classes', 'labels', 'values'])
      .describe(
        'classes: scores of which the largest counts; labels: text, whole numbers or truth values; values: numbers',
      ),
    samples: z.int().min(0).describe('compared; 0 where nothing could be, then problem says why'),
    agreement: z.number().min(0).max(1).nullable().describe('share with the same largest score, or the same label'),
    kl: z
      .number()
      .nullable()
      .describe('mean Kullback-Leibler divergence of the probabilities from the source model, in nats'),
    sqnrDb: z
      .number()
      .nullable()
      .describe(
        'ratio of signal to difference in decibels, at most 200; the signal is what varies between samples, so that a constant answer has 0 at most',
      ),
    maxAbsDifference: z.number().nullable(),
    problem: z.string().nullable().describe('why this output cannot be compared, or holds what is no number'),
  })
  .meta({ id: 'Fidelity' });
export type Fidelity = z.infer<typeof Fidelity>;

/**
 * One model's figures. Every figure has one definition, whoever takes it: `figuresOf` of packages/onnx counts parameters and MACs,
 * `benchmarkModels` of packages/runtime takes latency and memory, `measureQuality` of packages/training quality.
 */
export const Measurement = z
  .object({
    bytes: z.int().min(0).describe("of the model's file, and of those beside it that hold its tensors"),
    parameters: z
      .int()
      .min(0)
      .describe('elements of all weights; scales, zero points, scalars, shapes and indices are none'),
    macs: z
      .int()
      .min(0)
      .nullable()
      .describe("multiply-accumulate operations for one sample; null when a layer's shape is not known"),
    accuracy: z.number().min(0).max(1).optional().describe('top-1 accuracy, where the model classifies'),
    samples: z.int().min(0).describe('of the test part'),
    p50Ms: z
      .number()
      .min(0)
      .nullable()
      .describe(
        'median of one run in milliseconds: of one sample, or of as many as the model insists on; null: not measured',
      ),
    p95Ms: z.number().min(0).nullable(),
    peakRssBytes: z
      .int()
      .min(0)
      .nullable()
      .describe('peak resident set of a process that loads and runs only this model; null: not measured'),
    threads: z.int().min(1),
    runs: z.int().min(0),
    machine: z.string().describe('CPU model on which it was measured'),
    quality: z.array(Quality).optional().describe('absent from workers of an earlier release'),
    fidelity: z.array(Fidelity).optional().describe('of a compressed model, each output against the source model'),
    notes: z.array(z.string()).optional().describe('what was chosen, and what could not be measured and why, in words'),
  })
  .meta({ id: 'Measurement' });
export type Measurement = z.infer<typeof Measurement>;

/** A measurement as earlier releases read it, which refuse what they do not know: a manifest travels to devices of every release. */
export function withoutQuality(measurement: Measurement): Measurement {
  const { quality: _quality, fidelity: _fidelity, notes: _notes, ...known } = measurement;
  return known;
}

/** A class of devices: what compression needs to know to build for it. */
export const DeviceClass = z
  .strictObject({
    name: Slug,
    arch: z.enum(['x64', 'arm64']).default('x64'),
    threads: z.int().min(1).max(256).default(1),
    int8Activation: z
      .enum(['uint8', 'int8'])
      .default('uint8')
      .describe(
        'activation type of int8 kernels that the class runs fastest: u8 x s8 on x64, s8 x s8 on ARM (ONNX Runtime, QDQ)',
      ),
    vnni: z
      .boolean()
      .default(true)
      .describe(
        'x64 without VNNI adds pairs of products in 16 bits: without it no weights are left whose products could overflow, whatever it costs',
      ),
  })
  .meta({ id: 'DeviceClass' });
export type DeviceClass = z.infer<typeof DeviceClass>;
