/** Rows of operators on images, regions and sampling grids. */
import { attrInt, attrInts, attrString } from '../attributes.js';
import type { Dim } from '../ir.js';
import { dtypeAttribute } from './elementwise.js';
import { divideDim, firstDim, productDim, unknownShape } from './dims.js';
import type { Row } from './facts.js';
import { tensorType } from './types.js';

/** GridSample: [N, C] of the image, the sizes of the grid [N, ..., coordinates]. */
export const gridSample: Row = (f) => {
  const [x, grid] = [f.shape(0), f.shape(1)];
  if (x && grid && x.length !== grid.length) f.fail(`an image of rank ${x.length}, a grid of rank ${grid.length}`);
  const rank = x?.length ?? grid?.length;
  if (rank === undefined) return [tensorType(f.dtype(0), null)];
  if (rank < 3) f.fail(`an image of rank ${rank}`);
  const sizes = grid ? grid.slice(1, -1) : unknownShape(rank - 2)!;
  return [tensorType(f.dtype(0), [firstDim(x?.[0], grid?.[0]), x?.[1] ?? null, ...sizes])];
};

/** AffineGrid: size [N, C, H, W] gives [N, H, W, 2], size [N, C, D, H, W] gives [N, D, H, W, 3]. */
export const affineGrid: Row = (f) => {
  const [size, rank] = [f.elements(1), f.shape(1)?.[0]];
  const all = size ?? unknownShape(rank);
  if (!all) return [tensorType(f.dtype(0), null)];
  if (all.length !== 4 && all.length !== 5) f.fail(`a size of ${all.length} entries, not 4 or 5`);
  return [tensorType(f.dtype(0), [firstDim(all[0], f.shape(0)?.[0]), ...all.slice(2), all.length - 2])];
};

/** Col2Im: [N, C * block, L] gives [N, C, image]. */
export const col2Im: Row = (f) => {
  const [n, columns] = f.ranked(0, 3);
  const image = f.elements(1) ?? unknownShape(f.shape(1)?.[0] ?? f.shape(2)?.[0]);
  if (!image) return [tensorType(f.dtype(0), null)];
  const block = f.elements(2);
  const area = block && productDim(block);
  if (typeof columns === 'number' && typeof area === 'number' && area > 0 && columns % area !== 0) {
    f.fail(`${columns} rows do not divide into blocks of ${area}`);
  }
  return [tensorType(f.dtype(0), [n!, divideDim(columns!, area ?? null), ...image])];
};

export const centerCropPad: Row = (f) => {
  const x = f.shape(0);
  if (!x) return [tensorType(f.dtype(0), null)];
  const axes = attrInts(
    f.node,
    'axes',
    x.map((_, i) => i),
  ).map((a) => f.axis(a, x.length));
  const target = f.elements(1);
  if (target && target.length !== axes.length) f.fail(`${target.length} sizes for ${axes.length} axes`);
  const out: Dim[] = [...x];
  axes.forEach((axis, i) => (out[axis] = target?.[i] ?? null));
  return [tensorType(f.dtype(0), out)];
};

/** RoiAlign: [regions, C, output_height, output_width]. */
export const roiAlign: Row = (f) => {
  const [x, regions] = [f.ranked(0, 4), f.ranked(1, 2)];
  const size = [attrInt(f.node, 'output_height', 1), attrInt(f.node, 'output_width', 1)];
  return [tensorType(f.dtype(0), [firstDim(regions[0], f.shape(2)?.[0]), x[1]!, ...size])];
};

export const maxRoiPool: Row = (f) => {
  const [x, regions] = [f.ranked(0, 4), f.ranked(1, 2)];
  return [tensorType(f.dtype(0), [regions[0]!, x[1]!, ...attrInts(f.node, 'pooled_shape')])];
};

/** NonMaxSuppression: as many [batch, class, box] as the values decide. */
export const nonMaxSuppression: Row = () => [tensorType('int64', [null, 3])];

/** ImageDecoder: height and width stand in the image. */
export const imageDecoder: Row = (f) => {
  const channels = attrString(f.node, 'pixel_format', 'RGB') === 'Grayscale' ? 1 : 3;
  return [tensorType('uint8', [null, null, channels])];
};

/** Multinomial: so many draws from each row. */
export const multinomial: Row = (f) => [
  tensorType(dtypeAttribute(f, 'dtype', 'int32'), [f.ranked(0, 2)[0]!, attrInt(f.node, 'sample_size', 1)]),
];
