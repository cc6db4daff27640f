/** How much each unit of a network (a node with weights and what is fused with it) costs the outputs in int8 or int4. */
import type { DeviceClass } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { float32, type Model } from '@verge/onnx';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import {
  studySensitivity,
  type SensitivityOptions,
  type Treated,
  type UnitSensitivity,
} from '../../study/sensitivity.js';
import { placeOf } from './auto/labels.js';
import { Variants } from './auto/variants.js';
import { quantizable } from './quantize.js';
import { roundHalfEven } from './scale.js';

export interface UnitSensitivityOptions extends SensitivityOptions {
  /** 'int8': weights and activations, as the pass quantizes them; 'int4': weights alone, symmetric, a scale for each channel. */
  precision: 'int8' | 'int4';
  /** 'alone': this unit and no other; 'others': every unit but this one. */
  treat: 'alone' | 'others';
  target: Pick<DeviceClass, 'int8Activation' | 'vnni' | 'arch'>;
  /** Samples that the ranges of activations are taken from; those that are studied when absent. */
  calibration?: Samples;
}

/** Weights as 4 bits hold them: -7 to 7 times the scale of the output channel. */
export function inFourBits(data: Float32Array, dims: readonly number[], axis: number): Float32Array {
  const channels = dims[axis] as number;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const tops = new Float32Array(channels);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  for (let i = 0; i < data.length; i++) tops[channelOf(i)] = Math.max(tops[channelOf(i)]!, Math.abs(data[i]!));
  return data.map((value, i) => {
    const scale = tops[channelOf(i)]! / 7;
    return scale > 0 ? roundHalfEven(value / scale) * scale : 0;
  });
}

/** The model with the weights of these units in 4 bits. */
function withInt4({ source, units }: Variants, treated: ReadonlySet<number>): Model {
  const model = cloneModel(source);
  const index = new GraphIndex(source.graph);
  for (const { node, weight, axis } of units) {
    const values = index.floats(weight);
    const stored = model.graph.initializers.get(weight);
    if (!treated.has(placeOf(node)) || !values || !stored) continue;
    const value = float32(values.dims, inFourBits(values.data, values.dims, axis));
    model.graph.initializers.set(weight, { ...stored, value });
  }
  return model;
}

/**
 * @param samples 64 tell the order of the units; those that are studied are spread over what is given
 * @returns in the order of the network, by the name of the node with weights
 * @throws CompressionError `unsuitable-model`, `bad-samples`, `bad-calibration`, `cancelled`
 */
export async function unitSensitivity(
  given: Model,
  samples: Samples,
  options: UnitSensitivityOptions,
): Promise<UnitSensitivity[]> {
  const { model } = quantizable(given);
  const variants = new Variants(model, options.calibration ?? samples, options.target, options.ports);
  const { createSession, signal } = options;
  if (options.precision === 'int8') await variants.calibrate({ createSession, signal });
  const { places } = variants;
  const others = (place: number): number[] => places.filter((other) => other !== place);
  const make = (place: number): Model => {
    const treated = options.treat === 'alone' ? [place] : others(place);
    if (options.precision === 'int4') return withInt4(variants, new Set(treated));
    return variants.with(new Set(options.treat === 'alone' ? others(place) : [place]));
  };
  const treated = places.map((place): Treated => ({ unit: variants.name(place), make: () => make(place) }));
  return studySensitivity(variants.source, treated, samples, options);
}
