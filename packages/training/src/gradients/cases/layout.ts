import { float32, int, ints, str } from '@verge/onnx';
import { list, smooth, type Attributes, type Case } from './case.js';

const padded = (mode: string, x: number[], pads: number[], ...more: Case['inputs']): Case => ({
  op: 'Pad',
  text: `${mode} ${pads.join(' ')}`,
  attributes: { mode: str(mode) },
  inputs: [[x, smooth], list(...pads), ...more],
});
const depth = (mode: string): Case => ({
  op: 'DepthToSpace',
  text: mode,
  attributes: { blocksize: int(2), mode: str(mode) },
  inputs: [[[1, 8, 2, 1], smooth]],
});
const triangle = (upper: number, k?: number): Case => ({
  op: 'Trilu',
  text: `upper ${upper}, diagonal ${k}`,
  attributes: { upper: int(upper) },
  inputs: [
    [[2, 3, 4], smooth],
    ...(k === undefined ? [] : [{ dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(k)) } as const]),
  ],
});

export const layout: readonly Case[] = [
  { op: 'Reshape', inputs: [[[2, 6], smooth], list(0, -1, 3)] },
  { op: 'Flatten', inputs: [[[2, 3, 2], smooth]] },
  { op: 'Squeeze', inputs: [[[2, 1, 3], smooth], list(1)] },
  { op: 'Unsqueeze', inputs: [[[2, 3], smooth], list(0, -1)] },
  { op: 'Expand', inputs: [[[2, 1, 3], smooth], list(4, 2, 2, 3)] },
  { op: 'Transpose', inputs: [[[2, 3, 4], smooth]], attributes: { perm: ints([2, 0, 1]) } },
  { op: 'Transpose', text: 'default', inputs: [[[2, 3], smooth]] },
  {
    op: 'Concat',
    inputs: [
      [[2, 1], smooth],
      [[2, 3], smooth],
    ],
    attributes: { axis: int(-1) },
  },
  {
    op: 'Split',
    inputs: [[[6, 2], smooth]],
    attributes: { axis: int(0), num_outputs: int(3) },
    outputs: 3,
    reads: [0, 2],
  },
  {
    op: 'Split',
    text: 'version 13',
    opset: 13,
    inputs: [[[2, 4], smooth]],
    attributes: { axis: int(1) },
    outputs: 2,
    reads: [0, 1],
  },
  { op: 'Slice', inputs: [[[5, 4], smooth], list(1, 0), list(4, 99), list(0, 1), list(1, 2)] },
  { op: 'Slice', text: 'backwards', inputs: [[[5, 3], smooth], list(-1), list(-99), list(0), list(-2)] },
  { op: 'Slice', text: 'strided with a remainder', inputs: [[[8], smooth], list(1), list(8), list(0), list(3)] },
  padded('constant', [2, 3], [1, 0, 0, 2]),
  padded('constant', [2, 3], [1, 2], [[], smooth], list(-1)),
  padded('constant', [3, 4], [-1, 1, 1, -2]),
  padded('reflect', [3, 4], [2, 1, 1, 3]),
  padded('edge', [2, 3], [2, 1, 0, 3]),
  padded('edge', [3, 4], [-1, 2, 1, 0]),
  padded('wrap', [3, 2], [1, 2, 3, 1]),
  { op: 'Tile', inputs: [[[2, 1, 3], smooth], list(2, 3, 1)] },
  triangle(1),
  triangle(1, 1),
  triangle(0, -1),
  depth('DCR'),
  depth('CRD'),
  { op: 'SpaceToDepth', inputs: [[[1, 2, 4, 2], smooth]], attributes: { blocksize: int(2) } },
];

const resized = (text: string, x: number[], scales: number[], attributes: Attributes): Case => ({
  op: 'Resize',
  text,
  attributes,
  inputs: [[x, smooth], null, float32([scales.length], scales)],
});
const toSizes = (text: string, x: number[], sizes: number[], attributes: Attributes): Case => ({
  op: 'Resize',
  text,
  attributes,
  inputs: [[x, smooth], null, null, list(...sizes)],
});
const how = (mode: string, transform = 'half_pixel', more: Attributes = {}): Attributes => ({
  mode: str(mode),
  coordinate_transformation_mode: str(transform),
  ...more,
});

export const resizing: readonly Case[] = [
  resized('nearest, twice', [1, 2, 2, 3], [1, 1, 2, 2], how('nearest', 'asymmetric', { nearest_mode: str('floor') })),
  ...['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].map((rule) =>
    resized(
      `nearest, ${rule}`,
      [1, 1, 4, 3],
      [1, 1, 0.6, 1.7],
      how('nearest', 'half_pixel', { nearest_mode: str(rule) }),
    ),
  ),
  ...['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'].flatMap(
    (transform) => [
      resized(`linear, ${transform}`, [1, 2, 3, 4], [1, 1, 2.5, 0.6], how('linear', transform)),
      resized(`cubic, ${transform}`, [1, 1, 4, 4], [1, 1, 1.6, 0.8], how('cubic', transform)),
    ],
  ),
  resized('linear, one spatial axis', [1, 2, 4], [1, 1, 1.6], how('linear')),
  resized('linear, three spatial axes', [1, 1, 2, 3, 2], [1, 1, 2, 1.4, 2], how('linear')),
  resized(
    'cubic, the outside left out',
    [1, 1, 4, 4],
    [1, 1, 1.5, 2],
    how('cubic', 'half_pixel', { exclude_outside: int(1), cubic_coeff_a: { kind: 'float', value: -0.5 } }),
  ),
  resized('linear, antialiased', [1, 1, 5, 6], [1, 1, 0.6, 0.4], how('linear', 'half_pixel', { antialias: int(1) })),
  resized('cubic, antialiased', [1, 1, 5, 6], [1, 1, 0.6, 0.5], how('cubic', 'half_pixel', { antialias: int(1) })),
  toSizes('linear to sizes', [1, 1, 3, 4], [1, 1, 5, 3], how('linear')),
  toSizes('nearest to sizes of two axes', [1, 1, 3, 4], [6, 5], how('nearest', 'half_pixel', { axes: ints([2, 3]) })),
  toSizes(
    'not larger',
    [1, 1, 4, 6],
    [7, 8],
    how('linear', 'half_pixel', { axes: ints([2, 3]), keep_aspect_ratio_policy: str('not_larger') }),
  ),
  {
    op: 'Resize',
    text: 'cropped',
    attributes: how('linear', 'tf_crop_and_resize', { extrapolation_value: { kind: 'float', value: 2 } }),
    inputs: [[[1, 1, 4, 4], smooth], float32([8], [0, 0, 0.2, -0.2, 1, 1, 0.8, 0.7]), null, list(1, 1, 3, 5)],
  },
];
