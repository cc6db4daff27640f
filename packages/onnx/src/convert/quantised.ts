/** QuantizeLinear and DequantizeLinear: what each version let them hold, and how. */
import type { Node } from '../ir.js';
import type { DataType } from '../tensor.js';
import { changed, Inexpressible } from './scope.js';
import { both, dropping, type Adapter, type Step } from './step.js';

/** One scale, since 13 or one for each channel, since 21 also in blocks. */
const perTensor: Adapter = (node, scope) => {
  const scale = scope.shape(node.inputs[1]);
  if (!scale || scale.some((d) => d !== 1)) throw new Inexpressible('it has a scale for each channel');
  return changed(node, { drop: ['axis'] });
};

/** Element types of quantised numbers by the version that they came with (ONNX Changelog). */
const CAME: Readonly<Record<number, readonly DataType[]>> = {
  19: ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz'],
  21: ['int16', 'uint16', 'int4', 'uint4'],
  23: ['float4e2m1'],
  25: ['int2', 'uint2'],
};

/** The quantised value: what the one gives and the other reads. A zero point has its type. */
const quantised = ({ op, inputs, outputs }: Node): (string | undefined)[] =>
  op === 'QuantizeLinear' ? [outputs[0], inputs[2]] : [inputs[0]];

/** Refuses what only came with a version. */
const without =
  (version: number): Adapter =>
  (node, scope) => {
    const held = quantised(node).map((name) => scope.dtype(name));
    const since = held.find((dtype) => dtype !== null && CAME[version]!.includes(dtype));
    if (since) throw new Inexpressible(`it holds ${since}`);
    return node;
  };

export const quantisedSteps: Readonly<Record<string, readonly Step[]>> = {
  QuantizeLinear: [
    { at: 13, down: perTensor },
    { at: 19, down: both(without(19), dropping({ saturate: 1 })) },
    { at: 21, down: both(without(21), dropping({ block_size: 0, output_dtype: 0 })) },
    { at: 23, down: both(without(23), dropping({ precision: 0 })) },
    { at: 25, down: without(25) },
  ],
  DequantizeLinear: [
    { at: 13, down: perTensor },
    { at: 19, down: without(19) },
    { at: 21, down: both(without(21), dropping({ block_size: 0 })) },
    { at: 23, down: both(without(23), dropping({ output_dtype: 0 })) },
    { at: 25, down: without(25) },
  ],
};
