/** Nodes that make a weight from lists of values and places in them. */
import { int, int64, type Model, type Node, type StoredTensor } from '@verge/onnx';
import { channelsOf, type Coded } from './code.js';
import type { Weight } from './weights.js';

/** INT32 in TensorProto.DataType (onnx.proto). */
const INT32 = 6;

/** Two places in each byte, the first in its lower half (ONNX, TensorProto, uint4). */
const packed = (places: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: Math.ceil(places.length / 2) }, (_, i) => places[2 * i]! | ((places[2 * i + 1] ?? 0) << 4));

const node = (
  op: string,
  name: string,
  inputs: string[],
  output: string,
  attributes: Node['attributes'] = new Map(),
): Node => ({
  op,
  domain: '',
  name: `${name}/${op}`,
  inputs,
  outputs: [output],
  attributes,
});

/** The name of the constant with a weight's values. */
export const valuesName = ({ name }: Weight): string => `${name}/values`;

/** As `weight` is shaped, with all axes but that of the channels of one element. */
function alongChannels({ dims, axis }: Weight): number[] {
  return dims.slice(axis).map((d, i) => (i === 0 ? d : 1));
}

function put(model: Model, { name }: Weight, suffix: string, value: StoredTensor['value']): string {
  const own = `${name}/${suffix}`;
  model.graph.initializers.set(own, { name: own, value });
  return own;
}

/** Gather(values, indices), times the scales, under the weight's own name. */
function gathered(model: Model, weight: Weight, { values, scales }: Coded, indices: string): Node[] {
  const { name } = weight;
  const list = put(model, weight, 'values', { dtype: 'float32', dims: [values.length], data: values });
  model.graph.initializers.delete(name);
  const made = [node('Gather', name, [list, indices], scales ? `${name}/gathered` : name)];
  if (!scales) return made;
  const scale = put(model, weight, 'scales', { dtype: 'float32', dims: alongChannels(weight), data: scales });
  return [...made, node('Mul', name, [`${name}/gathered`, scale], name)];
}

/**
 * Mul(Gather(values, Cast(places)), scales), with the begin of each channel's list added to the places where there are several. ONNX
 * Runtime computes them once, when it loads the model.
 */
export function store(model: Model, weight: Weight, coded: Coded): Node[] {
  const { name, dims, bits } = weight;
  const { places, starts } = coded;
  const stored =
    bits <= 4
      ? put(model, weight, 'places', { dtype: 'uint4', dims, data: packed(places) })
      : put(model, weight, 'places', { dtype: 'uint8', dims, data: places });
  const indices = `${name}/indices`;
  const to = new Map([['to', int(INT32)]]);
  if (starts.length === 1)
    return [node('Cast', name, [stored], indices, to), ...gathered(model, weight, coded, indices)];
  const { channels, groupOf } = channelsOf(weight);
  const begins = Int32Array.from({ length: channels }, (_, c) => starts[groupOf(c)] as number);
  const added = put(model, weight, 'starts', { dtype: 'int32', dims: alongChannels(weight), data: begins });
  return [
    node('Cast', name, [stored], `${name}/cast`, to),
    node('Add', name, [`${name}/cast`, added], indices),
    ...gathered(model, weight, coded, indices),
  ];
}

/** The same with the indices written out, as a training takes them. */
export function storeForTraining(model: Model, weight: Weight, coded: Coded): Node[] {
  const { channelOf, groupOf } = channelsOf(weight);
  const at = Array.from(coded.places, (place, i) => (coded.starts[groupOf(channelOf(i))] as number) + place);
  return gathered(model, weight, coded, put(model, weight, 'indices', int64(weight.dims, at)));
}
