/** What was measured of a model, on which hardware. */
import { z } from 'zod';
import { Slug } from './identifiers.js';

export const Accuracy = z.strictObject({
  samples: z.int().min(0),
  /** Top-1 accuracy as a fraction. */
  accuracy: z.number().min(0).max(1),
  top5: z.number().min(0).max(1),
});
export type Accuracy = z.infer<typeof Accuracy>;

/** One model's figures. Latencies in milliseconds for one sample (batch 1). */
export const Measurement = z.strictObject({
  bytes: z.int().min(0),
  parameters: z.int().min(0),
  /** Multiply-accumulate operations for one sample; null when a layer's shape is not known. */
  macs: z.int().min(0).nullable(),
  accuracy: z.number().min(0).max(1),
  samples: z.int().min(0),
  p50Ms: z.number().min(0),
  p95Ms: z.number().min(0),
  /** Peak resident set of a process that loads and runs only this model. */
  peakRssBytes: z.int().min(0),
  threads: z.int().min(1),
  runs: z.int().min(1),
  /** CPU model on which it was measured. */
  machine: z.string(),
});
export type Measurement = z.infer<typeof Measurement>;

/** A class of devices: what compression needs to know to build for it. */
export const DeviceClass = z.strictObject({
  name: Slug,
  arch: z.enum(['x64', 'arm64']).default('x64'),
  threads: z.int().min(1).max(256).default(1),
  /**
   * Activation type of int8 kernels that the class runs fastest: u8 x s8 on x64, s8 x s8 on ARM (ONNX Runtime, QDQ).
   */
  int8Activation: z.enum(['uint8', 'int8']).default('uint8'),
  /** Without VNNI, u8 x s8 saturates in 16 bits on AVX2 and AVX-512; weights are then kept to 7 bits. */
  vnni: z.boolean().default(true),
});
export type DeviceClass = z.infer<typeof DeviceClass>;
