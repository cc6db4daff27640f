/** Several runs of rows read as one: the parts of a data set that lie in files of their own. */
import type { Elements } from '../samples.js';
import { elementsOf } from './raw-source.js';

export interface Segment {
  readonly count: number;
  read(indices: ArrayLike<number>): Promise<Elements>;
}

/** The rows at `indices`, counted over all segments in turn, in that order. */
export async function readSegments(
  segments: readonly Segment[],
  indices: ArrayLike<number>,
  width: number,
  dtype: 'uint8' | 'float32',
): Promise<Elements> {
  if (segments.length === 1) return (segments[0] as Segment).read(indices);
  const out = elementsOf(dtype, indices.length * width);
  let offset = 0;
  for (const segment of segments) {
    const places: number[] = [];
    for (let i = 0; i < indices.length; i++) {
      const index = (indices[i] as number) - offset;
      if (index >= 0 && index < segment.count) places.push(i);
    }
    if (places.length > 0) {
      const x = await segment.read(places.map((i) => (indices[i] as number) - offset));
      places.forEach((place, k) => out.set(x.subarray(k * width, (k + 1) * width), place * width));
    }
    offset += segment.count;
  }
  return out;
}
