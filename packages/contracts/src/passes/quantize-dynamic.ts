/** 8-bit products whose activations get their ranges at each run: for dense layers and recurrent ones, without samples. */
import { z } from 'zod';

export const QuantizeDynamicPass = z.strictObject({
  pass: z.literal('quantize-dynamic'),
  scale: z
    .enum(['channel', 'tensor'])
    .default('channel')
    .describe('whether each output channel of a weight has a scale of its own, or the weight has one'),
  lstm: z
    .boolean()
    .default(true)
    .describe("whether LSTM is computed in integers too, by ONNX Runtime's own operator, which other executors lack"),
  keep: z.array(z.string().min(1)).max(1000).default([]).describe('names of nodes that stay in floats'),
});
