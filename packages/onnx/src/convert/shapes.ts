/** Operators that move, cut and join elements: their attributes became inputs, and back. */
import { attrFloat, attrFloats, attrInt, attrString, int, ints, str } from '../attributes.js';
import { float32 } from '../tensor.js';
import type { Node } from '../ir.js';
import { changed, Inexpressible, listOf, nodeOf, trimmed, type Scope } from './scope.js';
import { both, dropping, inputToList, listToInput, type Adapter, type Step } from './step.js';

const axesAsInput = (at: number): Step => ({ at, up: listToInput('axes', 1), down: inputToList('axes', 1) });

/** Which node says what a reduction over no axes leaves of each element. */
const ALONE: Readonly<Record<string, string>> = {
  ReduceSum: 'Identity',
  ReduceMean: 'Identity',
  ReduceMax: 'Identity',
  ReduceMin: 'Identity',
  ReduceProd: 'Identity',
  ReduceLogSumExp: 'Identity',
  ReduceL1: 'Abs',
  ReduceL2: 'Abs',
  ReduceLogSum: 'Log',
};

/** noop_with_empty_axes came with the input. */
const reduceDown: Adapter = (node, scope) => {
  const axes = node.inputs[1] ? scope.needIntegers(node, 1, 'axes') : [];
  if (axes.length > 0)
    return changed(node, { inputs: [node.inputs[0]!], drop: ['noop_with_empty_axes'], set: { axes: ints(axes) } });
  if (attrInt(node, 'noop_with_empty_axes', 0) === 0)
    return changed(node, { inputs: [node.inputs[0]!], drop: ['noop_with_empty_axes'] });
  const op = ALONE[node.op];
  if (!op) throw new Inexpressible('it reduces no axes (noop_with_empty_axes)');
  return { ...nodeOf(scope, op, [node.inputs[0]!], node.outputs), name: node.name };
};
const reduce = (at: number): Step => ({ at, up: listToInput('axes', 1), down: reduceDown });

/** Split-18 wants to be told the number of outputs where it is not told their sizes. */
const splitUp: Adapter = (node) =>
  node.inputs[1] || node.attributes.has('num_outputs')
    ? node
    : changed(node, { set: { num_outputs: int(node.outputs.length) } });

/** Before 18 parts without given sizes were equal. */
const splitDown: Adapter = (node, scope) => {
  if (node.inputs[1]) return node;
  const shape = scope.shape(node.inputs[0]);
  const axis = attrInt(node, 'axis', 0);
  const size = shape?.at(axis < 0 ? axis + shape.length : axis);
  const parts = node.outputs.length;
  if (typeof size !== 'number') throw new Inexpressible(`the size that it splits in ${parts} is not known`);
  if (size % parts === 0) return changed(node, { drop: ['num_outputs'] });
  const part = Math.ceil(size / parts);
  const sizes = node.outputs.map((_, i) => Math.max(0, Math.min(part, size - i * part)));
  const inputs = [node.inputs[0]!, scope.integers(sizes, `${node.outputs[0]!}.split`)];
  return changed(node, { drop: ['num_outputs'], inputs });
};

/** Axes counted from the front; those from the end came with 11. @throws Inexpressible where the rank is not known */
function positive(axes: readonly number[], node: Node, scope: Scope, more = 0): number[] {
  if (axes.every((axis) => axis >= 0)) return [...axes];
  const rank = scope.needRank(node.inputs[0]) + more;
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** Attributes `axis` and `axes` counted from the front. */
const fromFront: Adapter = (node, scope) => {
  const axes = listOf(node, 'axes');
  // Unsqueeze counts axes of what it makes.
  if (axes)
    return changed(node, {
      set: { axes: ints(positive(axes, node, scope, node.op === 'Unsqueeze' ? axes.length : 0)) },
    });
  const axis = node.attributes.get('axis');
  if (axis?.kind !== 'int' || axis.value >= 0n) return node;
  return changed(node, {
    set: { axis: int(positive([Number(axis.value)], node, scope, node.op === 'OneHot' ? 1 : 0)[0]!) },
  });
};
const counted: Step = { at: 11, down: fromFront };

const sliceUp: Adapter = (node, scope) => {
  const starts = listOf(node, 'starts');
  const ends = listOf(node, 'ends');
  if (!starts || !ends) throw new Inexpressible('starts or ends is missing');
  const axes = listOf(node, 'axes') ?? starts.map((_, i) => i);
  const stored = [starts, ends, axes].map((list, i) => scope.integers(list, `${node.outputs[0]!}.slice${i}`));
  return changed(node, { drop: ['starts', 'ends', 'axes'], inputs: [node.inputs[0]!, ...stored] });
};

const sliceDown: Adapter = (node, scope) => {
  const steps = node.inputs[4] ? scope.needIntegers(node, 4, 'steps') : [];
  if (steps.some((step) => step !== 1)) throw new Inexpressible(`steps are ${steps.join(', ')}`);
  const [starts, ends] = [scope.needIntegers(node, 1, 'starts'), scope.needIntegers(node, 2, 'ends')];
  const axes = node.inputs[3] ? positive(scope.needIntegers(node, 3, 'axes'), node, scope) : null;
  const set = { starts: ints(starts), ends: ints(ends), ...(axes && { axes: ints(axes) }) };
  return changed(node, { inputs: [node.inputs[0]!], set });
};

const padUp: Adapter = (node, scope) => {
  const pads = listOf(node, 'pads');
  if (!pads) throw new Inexpressible('pads is missing');
  const stem = node.outputs[0]!;
  const inputs = [node.inputs[0]!, scope.integers(pads, `${stem}.pads`)];
  // The value counts for constant padding alone.
  if (attrString(node, 'mode', 'constant') === 'constant')
    inputs.push(scope.numberLike(node.inputs[0], attrFloat(node, 'value', 0), `${stem}.value`));
  return changed(node, { drop: ['pads', 'value'], inputs });
};

const padDown: Adapter = (node, scope) => {
  const pads = scope.needIntegers(node, 1, 'pads');
  const value = node.inputs[2] ? Number(scope.needConstant(node, 2, 'the value').data[0]) : 0;
  return changed(node, { inputs: [node.inputs[0]!], set: { pads: ints(pads), value: { kind: 'float', value } } });
};

/** Pads of some axes as pads of all, zero elsewhere. */
const padAllAxes: Adapter = (node, scope) => {
  if (!node.inputs[3]) return node;
  const [pads, axes] = [scope.needIntegers(node, 1, 'pads'), scope.needIntegers(node, 3, 'axes')];
  const rank = scope.needRank(node.inputs[0]);
  const all = new Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    const at = axis < 0 ? axis + rank : axis;
    all[at] = pads[i]!;
    all[at + rank] = pads[i + axes.length]!;
  });
  const inputs = [node.inputs[0]!, scope.integers(all, `${node.outputs[0]!}.pads`), node.inputs[2] ?? ''];
  return changed(node, { inputs: trimmed(inputs) });
};

const topKUp: Adapter = (node, scope) => {
  const inputs = [node.inputs[0]!, scope.integers([attrInt(node, 'k')], `${node.outputs[0]!}.k`)];
  return changed(node, { drop: ['k'], inputs });
};
const topKDown: Adapter = (node, scope) =>
  changed(node, { inputs: [node.inputs[0]!], set: { k: int(scope.needIntegers(node, 1, 'k')[0] ?? 0) } });

/** Shape of some axes: all of them, then a slice. */
const shapeDown: Adapter = (node, scope) => {
  const [start, end] = [attrInt(node, 'start', 0), node.attributes.has('end') ? attrInt(node, 'end') : null];
  const plain = changed(node, { drop: ['start', 'end'] });
  if (start === 0 && end === null) return plain;
  const whole = scope.fresh(`${node.outputs[0]!}.all`);
  const bounds = [start, end ?? Number.MAX_SAFE_INTEGER, 0].map((n, i) =>
    scope.integers([n], `${node.outputs[0]!}.${i}`),
  );
  return [{ ...plain, outputs: [whole] }, nodeOf(scope, 'Slice', [whole, ...bounds], node.outputs)];
};

const allowZeroDown: Adapter = (node, scope) => {
  if (attrInt(node, 'allowzero', 0) === 1 && scope.needIntegers(node, 1, 'its shape (allowzero)').includes(0))
    throw new Inexpressible('allowzero is 1 and the shape has a 0');
  return changed(node, { drop: ['allowzero'] });
};

/** Upsample and Resize-10 place elements in one way, which Resize has attributes for since 11. */
const resizeUp: Adapter = (node, scope) =>
  changed(node, {
    // Until 13 the region of interest has to be there, if empty.
    inputs: [node.inputs[0]!, scope.store(float32([0], []), `${node.outputs[0]!}.roi`), node.inputs[1]!],
    set: { coordinate_transformation_mode: str('asymmetric'), nearest_mode: str('floor') },
  });

/** Sizes as scales where both shapes are known. */
function scalesOf(node: Node, scope: Scope): string {
  if (node.inputs[2] && !node.inputs[3]) return node.inputs[2];
  const sizes = scope.needIntegers(node, 3, 'sizes');
  const shape = scope.shape(node.inputs[0]);
  if (!shape?.every((d): d is number => typeof d === 'number'))
    throw new Inexpressible('sizes are given, and the shape that they scale is not known');
  const scales = sizes.map((size, i) => size / shape[i]!);
  return scope.store(float32([scales.length], scales), `${node.outputs[0]!}.scales`);
}

const resizeDown: Adapter = (node, scope) => {
  const mode = attrString(node, 'mode', 'nearest');
  const placing = attrString(node, 'coordinate_transformation_mode', 'half_pixel');
  if (mode === 'cubic' || placing !== 'asymmetric') throw new Inexpressible(`it is ${mode}, ${placing}`);
  const rounding = attrString(node, 'nearest_mode', 'round_prefer_floor');
  if (mode === 'nearest' && rounding !== 'floor') throw new Inexpressible(`nearest_mode is ${rounding}`);
  const drop = [
    'coordinate_transformation_mode',
    'nearest_mode',
    'cubic_coeff_a',
    'exclude_outside',
    'extrapolation_value',
  ];
  return changed(node, { drop, inputs: [node.inputs[0]!, scalesOf(node, scope)] });
};

/** Before 13 the inputs that may be left out were there and empty. */
const resizeEmpties: Adapter = (node, scope) => {
  const empty = (): string => scope.store(float32([0], []), `${node.outputs[0]!}.none`);
  const [x, roi, scales, sizes] = node.inputs;
  return changed(node, { inputs: trimmed([x!, roi || empty(), scales || empty(), sizes ?? '']) });
};

const upsampleUp: Adapter = (node, scope) => {
  const scales = attrFloats(node, 'scales');
  const inputs = [node.inputs[0]!, scope.store(float32([scales.length], scales), `${node.outputs[0]!}.scales`)];
  return changed(node, { drop: ['scales'], inputs });
};
const upsampleDown: Adapter = (node, scope) => {
  const scales = Array.from(scope.needConstant(node, 1, 'scales').data as ArrayLike<number>);
  return changed(node, { inputs: [node.inputs[0]!], set: { scales: { kind: 'floats', value: scales } } });
};

const gridModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };
const gridUp: Adapter = (node) => {
  const mode = attrString(node, 'mode', 'bilinear');
  return changed(node, { set: { mode: str(gridModes[mode] ?? mode) } });
};
const gridDown: Adapter = (node, scope) => {
  const mode = attrString(node, 'mode', 'linear');
  if (scope.shape(node.inputs[0])?.length !== 4) throw new Inexpressible('it is not known to sample images of rank 4');
  const old = Object.entries(gridModes).find(([, now]) => now === mode)?.[0];
  return changed(node, { set: { mode: str(old ?? mode) } });
};

export const shapeSteps: Readonly<Record<string, readonly Step[]>> = {
  ReduceL1: [reduce(18), counted],
  ReduceL2: [reduce(18), counted],
  ReduceLogSum: [reduce(18), counted],
  ReduceLogSumExp: [reduce(18), counted],
  ReduceMax: [reduce(18), counted],
  ReduceMean: [reduce(18), counted],
  ReduceMin: [reduce(18), counted],
  ReduceProd: [reduce(18), counted],
  ReduceSum: [reduce(13), counted],
  ReduceSumSquare: [reduce(18), counted],
  Squeeze: [axesAsInput(13), counted],
  Unsqueeze: [axesAsInput(13), counted],
  Split: [
    counted,
    { at: 13, up: listToInput('split', 1), down: inputToList('split', 1) },
    { at: 18, up: splitUp, down: splitDown },
  ],
  Slice: [{ at: 10, up: sliceUp, down: sliceDown }],
  Pad: [
    { at: 11, up: padUp, down: padDown },
    { at: 18, down: padAllAxes },
  ],
  TopK: [
    { at: 10, up: topKUp, down: topKDown },
    { at: 11, down: dropping({ largest: 1, sorted: 1 }) },
  ],
  Concat: [counted],
  Flatten: [counted],
  Gather: [counted],
  OneHot: [counted],
  Shape: [{ at: 15, down: shapeDown }],
  Reshape: [{ at: 14, down: allowZeroDown }],
  Upsample: [
    { at: 9, up: upsampleUp, down: upsampleDown },
    { at: 10, up: (node) => changed(node, { op: 'Resize' }) },
  ],
  Resize: [
    { at: 10, down: (node) => changed(node, { op: 'Upsample' }) },
    { at: 11, up: resizeUp, down: resizeDown },
    { at: 13, down: resizeEmpties },
    { at: 18, down: dropping({ antialias: 0, keep_aspect_ratio_policy: 'stretch' }) },
  ],
  GridSample: [{ at: 20, up: gridUp, down: gridDown }],
  Scatter: [{ at: 11, up: (node) => changed(node, { op: 'ScatterElements' }) }],
  ScatterElements: [
    { at: 11, down: (node) => changed(node, { op: 'Scatter' }) },
    { at: 16, down: dropping({ reduction: 'none' }) },
  ],
  ScatterND: [{ at: 16, down: dropping({ reduction: 'none' }) }],
  GatherND: [{ at: 12, down: dropping({ batch_dims: 0 }) }],
  DepthToSpace: [{ at: 11, down: dropping({ mode: 'DCR' }) }],
  ArgMax: [counted, { at: 12, down: dropping({ select_last_index: 0 }) }],
  ArgMin: [counted, { at: 12, down: dropping({ select_last_index: 0 }) }],
  RoiAlign: [
    {
      at: 16,
      up: (node) => changed(node, { set: { coordinate_transformation_mode: str('output_half_pixel') } }),
      down: both(
        (node) =>
          node.attributes.has('coordinate_transformation_mode')
            ? node
            : changed(node, { set: { coordinate_transformation_mode: str('half_pixel') } }),
        dropping({ coordinate_transformation_mode: 'output_half_pixel' }),
      ),
    },
  ],
};
