/**
 * GridSample-20 by reads of the elements around each place, weighted by nearness; the rows of the parts give the gradient by
 * the image and by the grid (arXiv 1506.02025).
 */
import { attrInt, attrString, elementCount, int, type Node } from '@verge/onnx';
import type { Shape, Tape } from '../tape.js';
import type { Composite } from './row.js';

type Padding = 'zeros' | 'border' | 'reflection';

interface Axis {
  readonly size: number;
  /** Elements between neighbours of this axis. */
  readonly stride: number;
}

/** One element that a place along one axis is taken from: its index and its weight, both [batch, 1, places]. */
interface Neighbour {
  readonly index: string;
  readonly weight: string | undefined;
}

const clip = (t: Tape, x: string, low: number, high: number): string =>
  t.emit('Clip', [x, t.scalar(low), t.scalar(high)], t.shape(x));

/** Mirrors a coordinate at both ends until it lies between them. */
function reflect(t: Tape, x: string, low: number, high: number): string {
  const span = high - low;
  if (span <= 0) return t.scale(x, 0);
  const distance = t.unary('Abs', t.sub(x, t.scalar(low)));
  const within = t.emit('Mod', [distance, t.scalar(2 * span)], t.shape(x), { fmod: int(1) });
  return t.add(t.binary('Min', within, t.sub(t.scalar(2 * span), within)), t.scalar(low));
}

/** From [-1, 1] to elements: the ends are the centres of the outer elements, or their outer edges. */
function placeOf(t: Tape, normalized: string, size: number, corners: boolean, padding: Padding): string {
  const scale = corners ? (size - 1) / 2 : size / 2;
  const place = t.add(t.scale(normalized, scale), t.scalar((size - 1) / 2));
  if (padding === 'zeros') return place;
  if (padding === 'border') return clip(t, place, 0, size - 1);
  return corners ? reflect(t, place, 0, size - 1) : reflect(t, place, -0.5, size - 0.5);
}

/** An index within the axis; what lies outside weighs nothing when zeros are around the image. */
function inside(t: Tape, index: string, weight: string | undefined, size: number, padding: Padding): Neighbour {
  const clipped = clip(t, index, 0, size - 1);
  if (padding !== 'zeros') return { index: clipped, weight };
  const present = t.indicator(t.compare('Equal', index, clipped));
  return { index: clipped, weight: weight ? t.mul(weight, present) : present };
}

function neighbours(t: Tape, place: string, size: number, nearest: boolean, padding: Padding): Neighbour[] {
  if (nearest) return [inside(t, t.unary('Round', place), undefined, size, padding)];
  const floor = t.unary('Floor', place);
  const beyond = t.sub(place, floor);
  return [
    inside(t, floor, t.sub(t.scalar(1), beyond), size, padding),
    inside(t, t.add(floor, t.scalar(1)), beyond, size, padding),
  ];
}

/** Every choice of one neighbour an axis. */
const corners = (axes: readonly Neighbour[][]): Neighbour[][] =>
  axes.reduce<Neighbour[][]>((all, list) => all.flatMap((some) => list.map((n) => [...some, n])), [[]]);

/** The elements [batch, channels, places] at one corner, weighted. */
function read(t: Tape, image: string, corner: readonly Neighbour[], axes: readonly Axis[]): string {
  const [batch, channels] = t.shape(image) as [number, number];
  const flat = corner.map(({ index }, i) => t.scale(index, axes[i]!.stride)).reduce((a, b) => t.add(a, b));
  const places = t.shape(flat)[2]!;
  // TensorProto.DataType.INT64 is 7.
  const indices = t.emit('Cast', [flat], t.shape(flat), { to: int(7) }, 'int64');
  const shape: Shape = [batch, channels, places];
  const wide = t.emit('Expand', [indices, t.ints(shape)], shape, {}, 'int64');
  const values = t.emit('GatherElements', [image, wide], shape, { axis: int(2) });
  return corner.reduce((value, { weight }) => (weight ? t.mul(value, weight) : value), values);
}

/** The coordinate of one axis, [batch, 1, places]; the grid has the last axis of the image first. */
function coordinate(t: Tape, grid: string, axis: number): string {
  const shape = t.shape(grid);
  const [rank, last] = [shape.at(-1)!, shape.length - 1];
  const at = rank - 1 - axis;
  const one = t.slice(grid, [last], [at], [at + 1], [1]);
  return t.reshape(one, [shape[0]!, 1, elementCount(shape.slice(1, -1))]);
}

const MODES: readonly string[] = ['linear', 'nearest'];

export const gridSample: Composite = {
  unsupported(node: Node) {
    const mode = attrString(node, 'mode', 'linear');
    return MODES.includes(mode) ? undefined : `mode '${mode}'`;
  },
  decompose(t, node) {
    const [x, grid] = [node.inputs[0]!, node.inputs[1]!];
    const shape = t.shape(x);
    const sizes = shape.slice(2);
    const axes = sizes.map((size, i) => ({ size, stride: elementCount(sizes.slice(i + 1)) }));
    const nearest = attrString(node, 'mode', 'linear') === 'nearest';
    const padding = attrString(node, 'padding_mode', 'zeros') as Padding;
    const aligned = attrInt(node, 'align_corners', 0) === 1;
    const around = axes.map(({ size }, i) => {
      const place = placeOf(t, coordinate(t, grid, i), size, aligned, padding);
      return neighbours(t, place, size, nearest, padding);
    });
    const image = t.reshape(x, [shape[0]!, shape[1]!, elementCount(sizes)]);
    const sum = corners(around)
      .map((corner) => read(t, image, corner, axes))
      .reduce((a, b) => t.add(a, b));
    t.node('Identity', [t.reshape(sum, t.shape(node.outputs[0]!))], [node.outputs[0]!]);
  },
};
