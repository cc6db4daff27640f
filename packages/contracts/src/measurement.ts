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

/** One model's figures. Latencies in milliseconds for one sample (batch 1). */
export const Measurement = z
  .strictObject({
    bytes: z.int().min(0),
    parameters: z.int().min(0),
    macs: z
      .int()
      .min(0)
      .nullable()
      .describe("multiply-accumulate operations for one sample; null when a layer's shape is not known"),
    accuracy: z.number().min(0).max(1),
    samples: z.int().min(0),
    p50Ms: z.number().min(0),
    p95Ms: z.number().min(0),
    peakRssBytes: z.int().min(0).describe('peak resident set of a process that loads and runs only this model'),
    threads: z.int().min(1),
    runs: z.int().min(1),
    machine: z.string().describe('CPU model on which it was measured'),
  })
  .meta({ id: 'Measurement' });
export type Measurement = z.infer<typeof Measurement>;

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
      .describe('without VNNI, u8 x s8 saturates in 16 bits on AVX2 and AVX-512; weights are then kept to 7 bits'),
  })
  .meta({ id: 'DeviceClass' });
export type DeviceClass = z.infer<typeof DeviceClass>;
