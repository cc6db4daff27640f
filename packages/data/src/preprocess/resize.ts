/**
 * Separable resampling with an antialiasing support that grows with the reduction, as Pillow's Image.resize does it. 8-bit images pass through 22-bit fixed-point coefficients and are rounded to 8 bits after each
 * direction, so the result equals Pillow's bit for bit; float images are summed in double precision.
 */
import type { Image } from './image.js';

export type Filter = 'nearest' | 'bilinear' | 'bicubic' | 'area';

const kernels: Record<Exclude<Filter, 'nearest'>, { support: number; at: (x: number) => number }> = {
  area: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    at: (x) => {
      const a = -0.5;
      const d = Math.abs(x);
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
};

/** Fixed-point bits of 8-bit coefficients: 32 - 8 - 2. */
const precision = 2 ** 22;

interface Taps {
  start: number;
  weights: Float64Array;
}

function tapsOf(from: number, to: number, filter: Exclude<Filter, 'nearest'>, fixed: boolean): Taps[] {
  const kernel = kernels[filter];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = kernel.support * stretch;
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const weights = Float64Array.from({ length: end - start }, (__, k) =>
      kernel.at((k + start - center + 0.5) / stretch),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    weights.forEach((w, k) => {
      const normal = sum === 0 ? w : w / sum;
      weights[k] = fixed ? Math.trunc(normal * precision + (normal < 0 ? -0.5 : 0.5)) : normal;
    });
    return { start, weights };
  });
}

/** Resamples along one axis: `lines` lines, elements `step` apart along the axis. */
function along(image: Image, to: number, filter: Exclude<Filter, 'nearest'>, horizontal: boolean): Image {
  const { height, width, channels, data } = image;
  const from = horizontal ? width : height;
  if (from === to) return image;
  const bytes = data instanceof Uint8Array;
  const taps = tapsOf(from, to, filter, bytes);
  const [outHeight, outWidth] = horizontal ? [height, to] : [to, width];
  const count = outHeight * outWidth * channels;
  const out = bytes ? new Uint8Array(count) : new Float32Array(count);
  const step = horizontal ? channels : width * channels;
  let at = 0;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const { start, weights } = taps[horizontal ? x : y] as Taps;
      const first = horizontal ? (y * width + start) * channels : (start * width + x) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += (data[first + c + k * step] as number) * (weights[k] as number);
        out[at++] = bytes ? Math.min(255, Math.max(0, Math.floor((sum + precision / 2) / precision))) : sum;
      }
    }
  }
  return { height: outHeight, width: outWidth, channels, data: out };
}

function nearest(image: Image, height: number, width: number): Image {
  const { channels, data } = image;
  const out =
    data instanceof Uint8Array
      ? new Uint8Array(height * width * channels)
      : new Float32Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = Math.min(image.height - 1, Math.floor(((y + 0.5) * image.height) / height));
    for (let x = 0; x < width; x++) {
      const column = Math.min(image.width - 1, Math.floor(((x + 0.5) * image.width) / width));
      const from = (row * image.width + column) * channels;
      for (let c = 0; c < channels; c++) out[at++] = data[from + c] as number;
    }
  }
  return { height, width, channels, data: out };
}

/** The image at another size; the aspect ratio is the caller's. */
export function resize(image: Image, height: number, width: number, filter: Filter): Image {
  if (image.height === height && image.width === width) return image;
  if (filter === 'nearest') return nearest(image, height, width);
  // The order matters for the rounding in between. Pillow 13: rows first when far more of them go than columns.
  const rowsGone = image.height - height;
  const rowsFirst = rowsGone > 0 && rowsGone > 2 * (image.width - width);
  return rowsFirst
    ? along(along(image, height, filter, false), width, filter, true)
    : along(along(image, width, filter, true), height, filter, false);
}
