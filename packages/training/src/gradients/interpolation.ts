/** The weights with which Resize-19 makes one axis from another, as a matrix [output, input]. */

export interface Interpolation {
  readonly mode: string;
  readonly transform: string;
  readonly nearestMode: string;
  readonly cubicA: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
}

export interface ResizedAxis {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  /** Begin and end of the region of tf_crop_and_resize, in fractions of the axis. */
  readonly region: readonly [number, number];
}

const f32 = Math.fround;

/**
 * Resize-19, attribute coordinate_transformation_mode: the place in the input that output element `at` is taken from.
 * Rounded as a runtime that computes in float32 rounds it: a place on the border of two elements belongs to the same one.
 */
function sourceCoordinate(at: number, axis: ResizedAxis, transform: string): number {
  const { input, output, scale, region } = axis;
  // ONNX Runtime leaves an axis of scale 1 alone, also where a region is to be cropped from it.
  if (scale === 1) return at;
  const halfPixel = f32(f32((at + 0.5) / scale) - 0.5);
  switch (transform) {
    case 'align_corners':
      return output === 1 ? 0 : f32((at * (input - 1)) / (output - 1));
    case 'asymmetric':
      return f32(at / scale);
    case 'pytorch_half_pixel':
      return output === 1 ? 0 : halfPixel;
    case 'half_pixel_symmetric': {
      const adjustment = output / (scale * input);
      return (input / 2) * (1 - adjustment) + halfPixel;
    }
    case 'tf_crop_and_resize': {
      const [begin, end] = region;
      if (output === 1) return 0.5 * (begin + end) * (input - 1);
      return begin * (input - 1) + (at * (end - begin) * (input - 1)) / (output - 1);
    }
    default:
      return halfPixel;
  }
}

const NEAREST: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));

/** Keys' kernel (Cubic convolution interpolation for digital image processing, 1981). */
function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * (x ** 3 - 5 * x ** 2 + 8 * x - 4) : 0;
}

/** Input elements and their weights for one place, before what lies outside is dealt with. */
function neighbours(place: number, axis: ResizedAxis, how: Interpolation): [number, number][] {
  if (how.mode === 'nearest') return [[NEAREST[how.nearestMode]!(place), 1]];
  const linear = how.mode === 'linear';
  // Antialiasing stretches the filter over as many elements as one output element stands for.
  const stretch = how.antialias ? Math.max(1, 1 / axis.scale) : 1;
  const reach = (linear ? 1 : 2) * stretch;
  const found: [number, number][] = [];
  for (let i = Math.ceil(place - reach); i <= Math.floor(place + reach); i++) {
    const distance = (i - place) / stretch;
    found.push([i, linear ? triangle(distance) : cubic(distance, how.cubicA)]);
  }
  return found;
}

/** Row-major weights [output, input]. Places outside the input repeat its border unless they are left out. */
export function interpolationMatrix(axis: ResizedAxis, how: Interpolation): Float32Array {
  const matrix = new Float32Array(axis.output * axis.input);
  for (let o = 0; o < axis.output; o++) {
    const place = sourceCoordinate(o, axis, how.transform);
    // The extrapolation value stands here, whatever the input.
    if (how.transform === 'tf_crop_and_resize' && (place < 0 || place > axis.input - 1)) continue;
    const found = neighbours(place, axis, how);
    const used = how.mode !== 'nearest' && how.excludeOutside ? found.filter(([i]) => i >= 0 && i < axis.input) : found;
    const total = used.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [i, weight] of used) {
      const inside = Math.min(axis.input - 1, Math.max(0, i));
      matrix[o * axis.input + inside]! += weight / total;
    }
  }
  return matrix;
}
