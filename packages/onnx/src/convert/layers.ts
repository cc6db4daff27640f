/** Layers and arithmetic whose attributes or meaning changed. */
import { attrFloat, attrInt, float, int, ints } from '../attributes.js';
import { DATA_TYPES, dataTypeOf } from '../datatypes.js';
import type { Node } from '../ir.js';
import { float32 } from '../tensor.js';
import { quantisedSteps } from './quantised.js';
import { changed, Inexpressible, nodeOf, trimmed, type Scope } from './scope.js';
import { both, dropping, refuse, type Adapter, type Step } from './step.js';

/** Softmax, LogSoftmax and Hardmax before 13 took all axes from `axis` on (1 unless given) as one. */
const flattenedUp: Adapter = (node, scope) => {
  const given = attrInt(node, 'axis', 1);
  const rank = scope.shape(node.inputs[0])?.length;
  const last = { axis: int(-1) };
  if (given === -1 || given === (rank ?? NaN) - 1) return changed(node, { set: last });
  const [out] = node.outputs as [string];
  const [flat, normal, shape] = ['flat', 'normal', 'shape'].map((stem) => scope.fresh(`${out}.${stem}`));
  return [
    nodeOf(scope, 'Shape', [node.inputs[0]!], [shape!]),
    nodeOf(scope, 'Flatten', [node.inputs[0]!], [flat!], { axis: int(given) }),
    { ...changed(node, { inputs: [flat!], set: last }), outputs: [normal!] },
    nodeOf(scope, 'Reshape', [normal!, shape!], [out]),
  ];
};

/** One axis alone is the last one after a transposition. */
const flattenedDown: Adapter = (node, scope) => {
  const given = attrInt(node, 'axis', -1);
  const rank = scope.shape(node.inputs[0])?.length;
  if (rank === undefined && given !== -1) scope.needRank(node.inputs[0]);
  const axis = given < 0 && rank !== undefined ? given + rank : given;
  if (rank === undefined || axis === rank - 1) return changed(node, { set: { axis: int(axis) } });
  const order = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  const [out] = node.outputs as [string];
  const [turned, normal] = [scope.fresh(`${out}.turned`), scope.fresh(`${out}.normal`)];
  return [
    nodeOf(scope, 'Transpose', [node.inputs[0]!], [turned], { perm: ints(order) }),
    { ...changed(node, { inputs: [turned], set: { axis: int(rank - 1) } }), outputs: [normal] },
    nodeOf(scope, 'Transpose', [normal], [out], { perm: ints(order) }),
  ];
};
const flattened: Step = { at: 13, up: flattenedUp, down: flattenedDown };

const clipUp: Adapter = (node, scope) => {
  const bound = (name: string): string =>
    node.attributes.has(name)
      ? scope.numberLike(node.inputs[0], attrFloat(node, name), `${node.outputs[0]!}.${name}`)
      : '';
  return changed(node, { drop: ['min', 'max'], inputs: trimmed([node.inputs[0]!, bound('min'), bound('max')]) });
};

/** Bounds that are constants become attributes; others become Max and Min, which take any. */
const clipDown: Adapter = (node, scope) => {
  const floats = scope.dtype(node.inputs[0]) === 'float32';
  const bounds = [1, 2].map((i) => (node.inputs[i] ? scope.constant(node.inputs[i]) : null));
  const known = [1, 2].every((i) => !node.inputs[i] || bounds[i - 1]);
  if (floats && known) {
    const [least, most] = bounds.map((tensor) => tensor && Number(tensor.data[0]));
    const set = {
      ...(typeof least === 'number' && { min: float(least) }),
      ...(typeof most === 'number' && { max: float(most) }),
    };
    return changed(node, { inputs: [node.inputs[0]!], set });
  }
  const [out] = node.outputs as [string];
  const between = scope.fresh(`${out}.least`);
  const [x, least, most] = node.inputs;
  if (!least && !most) return nodeOf(scope, 'Identity', [x!], [out]);
  if (!most) return nodeOf(scope, 'Max', [x!, least!], [out]);
  if (!least) return nodeOf(scope, 'Min', [x!, most], [out]);
  return [nodeOf(scope, 'Max', [x!, least], [between]), nodeOf(scope, 'Min', [between, most], [out])];
};

const dropoutUp: Adapter = (node, scope) => {
  const ratio = scope.store(float32([], [attrFloat(node, 'ratio', 0.5)]), `${node.outputs[0]!}.ratio`);
  return changed(node, { drop: ['ratio'], inputs: [node.inputs[0]!, ratio] });
};
const dropoutDown: Adapter = (node, scope) => {
  if (node.inputs[2] && Number(scope.needConstant(node, 2, 'training_mode').data[0]) !== 0)
    throw new Inexpressible('training_mode is on');
  const ratio = node.inputs[1] ? Number(scope.needConstant(node, 1, 'the ratio').data[0]) : 0.5;
  return changed(node, { drop: ['seed'], inputs: [node.inputs[0]!], set: { ratio: float(ratio) } });
};

const onlyFirstOutput: Adapter = (node) => {
  if (trimmed(node.outputs).length > 1) throw new Inexpressible('more than its first output is used');
  return { ...node, outputs: [node.outputs[0]!] };
};

/** value_float, value_ints and the like, as the tensor that they are. */
const constantDown: Adapter = (node) => {
  for (const [name, a] of node.attributes) {
    const set = (dtype: 'float32' | 'int64' | 'string', values: readonly unknown[], one: boolean): Node => {
      const dims = one ? [] : [values.length];
      const data =
        dtype === 'float32'
          ? Float32Array.from(values as number[])
          : dtype === 'int64'
            ? BigInt64Array.from(values as bigint[])
            : (values as string[]);
      return changed(node, {
        drop: [name],
        set: { value: { kind: 'tensor', value: { name: '', value: { dtype, dims, data } as never } } },
      });
    };
    if (a.kind === 'float') return set('float32', [a.value], true);
    if (a.kind === 'floats') return set('float32', a.value, false);
    if (a.kind === 'int') return set('int64', [a.value], true);
    if (a.kind === 'ints') return set('int64', a.value, false);
    if (a.kind === 'string') return set('string', [a.value], true);
    if (a.kind === 'strings') return set('string', a.value, false);
  }
  return node;
};

/** The third input may be left out since 11. */
const gemmDown: Adapter = (node, scope) =>
  node.inputs[2]
    ? node
    : changed(node, {
        inputs: [...node.inputs.slice(0, 2), scope.numberLike(node.inputs[0], 0, `${node.outputs[0]!}.zero`, [1])],
      });

/** CastLike where the type is known. */
const castLikeDown: Adapter = (node, scope) => {
  const dtype = scope.dtype(node.inputs[1]);
  if (!dtype) throw new Inexpressible('the type that it casts to is not known');
  return changed(node, {
    op: 'Cast',
    drop: ['saturate', 'round_mode'],
    inputs: [node.inputs[0]!],
    set: { to: int(DATA_TYPES[dtype].code) },
  });
};

/** Saturation and rounding are said for 8-bit floats alone. */
const castDown =
  (name: string, value: string | number): Adapter =>
  (node, scope) => {
    const to = dataTypeOf(attrInt(node, 'to', 0));
    return to?.startsWith('float8') ? dropping({ [name]: value })(node, scope) : changed(node, { drop: [name] });
  };

const dftUp: Adapter = (node, scope) => {
  const axis = scope.integers([attrInt(node, 'axis', 1)], `${node.outputs[0]!}.axis`);
  const scalar = scope.constant(axis)!;
  const stored = scope.store({ ...scalar, dims: [] } as typeof scalar, `${node.outputs[0]!}.axis`);
  return changed(node, { drop: ['axis'], inputs: [node.inputs[0]!, node.inputs[1] ?? '', stored] });
};
const dftDown: Adapter = (node, scope) => {
  const rank = scope.needRank(node.inputs[0]);
  const axis = node.inputs[2] ? scope.needIntegers(node, 2, 'axis')[0]! : -2;
  return changed(node, { inputs: trimmed(node.inputs.slice(0, 2)), set: { axis: int(axis < 0 ? axis + rank : axis) } });
};

/** GroupNormalization-18 has a scale for each group, from 21 on one for each channel. */
function groupNormalization(scope: Scope, node: Node, perChannel: boolean): Node[] {
  const [x, scale, bias] = node.inputs as [string, string, string];
  const [out] = node.outputs as [string];
  const groups = attrInt(node, 'num_groups');
  const rank = scope.needRank(x);
  const name = (stem: string): string => scope.fresh(`${out}.${stem}`);
  const [shape, grouped, normal] = [name('shape'), name('grouped'), name('normal')];
  const whole = perChannel ? name('whole') : out;
  const repeat = (value: number): string =>
    scope.store(float32([groups], new Float32Array(groups).fill(value)), `${out}.group`);
  if (perChannel && scope.dtype(x) !== 'float32') throw new Inexpressible('it is not of float32');
  const inner = perChannel ? [grouped, repeat(1), repeat(0)] : [grouped, scale, bias];
  const nodes = [
    nodeOf(scope, 'Shape', [x], [shape]),
    nodeOf(scope, 'Reshape', [x, scope.integers([0, groups, -1], `${out}.groups`)], [grouped]),
    nodeOf(scope, 'InstanceNormalization', inner, [normal], { epsilon: float(attrFloat(node, 'epsilon', 1e-5)) }),
    nodeOf(scope, 'Reshape', [normal, shape], [whole]),
  ];
  if (!perChannel) return nodes;
  const wide = scope.integers([-1, ...new Array<number>(rank - 2).fill(1)], `${out}.channels`);
  const [gain, shift, scaled] = [name('gain'), name('shift'), name('scaled')];
  return [
    ...nodes,
    nodeOf(scope, 'Reshape', [scale, wide], [gain]),
    nodeOf(scope, 'Reshape', [bias, wide], [shift]),
    nodeOf(scope, 'Mul', [whole, gain], [scaled]),
    nodeOf(scope, 'Add', [scaled, shift], [out]),
  ];
}

const layout: Step = { at: 14, down: dropping({ layout: 0 }) };

export const layerSteps: Readonly<Record<string, readonly Step[]>> = {
  ...quantisedSteps,
  Softmax: [flattened],
  LogSoftmax: [flattened],
  Hardmax: [flattened],
  Clip: [{ at: 11, up: clipUp, down: clipDown }],
  Dropout: [
    // The mask is of the type of the data before 10; since 12 it is all true where nothing is dropped.
    { at: 10, up: onlyFirstOutput, down: onlyFirstOutput },
    { at: 12, up: both(onlyFirstOutput, dropoutUp), down: both(onlyFirstOutput, dropoutDown) },
  ],
  BatchNormalization: [
    { at: 9, up: dropping({ spatial: 1 }) },
    {
      at: 14,
      up: onlyFirstOutput,
      down: both(dropping({ training_mode: 0 }), onlyFirstOutput),
    },
  ],
  AveragePool: [
    { at: 10, down: dropping({ ceil_mode: 0 }) },
    { at: 19, down: dropping({ dilations: 1 }) },
  ],
  LpPool: [{ at: 18, down: dropping({ ceil_mode: 0, dilations: 1 }) }],
  MaxPool: [
    {
      at: 8,
      down: both(onlyFirstOutput, dropping({ storage_order: 0 })),
    },
    { at: 10, down: dropping({ ceil_mode: 0, dilations: 1 }) },
  ],
  RNN: [layout],
  GRU: [layout],
  LSTM: [layout],
  Gemm: [{ at: 11, down: gemmDown }],
  Cast: [
    { at: 19, down: castDown('saturate', 1) },
    { at: 24, down: castDown('round_mode', 'up') },
  ],
  CastLike: [
    { at: 15, down: castLikeDown },
    { at: 19, down: dropping({ saturate: 1 }) },
    { at: 24, down: dropping({ round_mode: 'up' }) },
  ],
  Constant: [
    {
      at: 11,
      down: (node, scope) => (node.attributes.has('sparse_value') ? refuse('it is sparse')(node, scope) : node),
    },
    { at: 12, down: constantDown },
  ],
  DFT: [{ at: 20, up: dftUp, down: dftDown }],
  GroupNormalization: [
    { at: 18, down: (node, scope) => groupNormalization(scope, node, false) },
    {
      at: 21,
      up: (node, scope) => groupNormalization(scope, node, false),
      down: (node, scope) => groupNormalization(scope, node, true),
    },
  ],
  Scan: [
    { at: 9, up: refuse('Scan was another operator before 9'), down: refuse('Scan was another operator before 9') },
  ],
  Range: [{ at: 27, down: dropping({ stash_type: 1 }) }],
};
