/**
 * Transformer encoder (Vaswani et al. 2017, arXiv:1706.03762) with normalisation before each sub-layer and GELU, over the steps
 * of a series or the patches of an image (Dosovitskiy et al. 2020, arXiv:2010.11929), and the mean of all positions read.
 */
import { float, float32, int, ints } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import { Net, type Signal } from './net.js';
import { fraction, whole, type Architecture } from './params.js';
import { pooled } from './series.js';

/** Sines and cosines of section 3.5: position / 10000^(2i / width) at features 2i and 2i + 1. */
function addPositions(net: Net, x: Signal): Signal {
  const [positions, width] = x.shape as [number, number];
  const data = Float32Array.from({ length: positions * width }, (_, k) => {
    const [position, feature] = [Math.floor(k / width), k % width];
    const angle = position / 10000 ** ((feature - (feature % 2)) / width);
    return feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  const table = net.constant(float32([1, positions, width], data), 'positions');
  return net.op('Add', [x, table], x.shape, 'embedding');
}

function layerNorm(net: Net, x: Signal, name: string): Signal {
  const width = [x.shape.at(-1)!];
  const inputs = [x, net.weight(`${name}.scale`, width, () => 1), net.weight(`${name}.shift`, width, () => 0)];
  return net.op('LayerNormalization', inputs, x.shape, name, { axis: int(-1), epsilon: float(1e-5) });
}

/** A dense layer at every position of [positions, features]. */
function everywhere(net: Net, x: Signal, name: string, units: number, activation: 'gelu' | 'none' = 'none'): Signal {
  const [positions, features] = x.shape as [number, number];
  const flat = net.reshape(x, [features], `${name}.flat`);
  return net.reshape(net.dense(flat, name, units, activation), [positions, units], `${name}.positions`);
}

/** softmax(Q K^T / sqrt(d)) V in `heads` parts of the features (section 3.2). */
function attention(net: Net, x: Signal, name: string, heads: number): Signal {
  const [positions, width] = x.shape as [number, number];
  const size = width / heads;
  const part = (kind: string, perm: readonly number[]): Signal => {
    const split = net.reshape(
      everywhere(net, x, `${name}.${kind}`, width),
      [positions, heads, size],
      `${name}.${kind}.heads`,
    );
    return net.op('Transpose', [split], [], `${name}.${kind}.first`, { perm: ints(perm) });
  };
  const [query, key, value] = [part('query', [0, 2, 1, 3]), part('key', [0, 2, 3, 1]), part('value', [0, 2, 1, 3])];
  const scale = net.constant(float32([], [1 / Math.sqrt(size)]), `${name}.factor`);
  const scaled = net.op('Mul', [query, scale], [], `${name}.scaled`);
  const scores = net.op('MatMul', [scaled, key], [heads, positions, positions], `${name}.scores`);
  const weights = net.op('Softmax', [scores], scores.shape, `${name}.weights`, { axis: int(-1) });
  const mixed = net.op('MatMul', [weights, value], [heads, positions, size], `${name}.mixed`);
  const joined = net.op('Transpose', [mixed], [positions, heads, size], `${name}.joined`, { perm: ints([0, 2, 1, 3]) });
  return everywhere(net, net.reshape(joined, [positions, width], `${name}.whole`), `${name}.output`, width);
}

/** Steps, or patches row by row, as [positions, width]. */
function embed(net: Net, width: number, patch: number): Signal {
  const { input } = net;
  if (input.shape.length === 2) return everywhere(net, input, 'embed', width);
  const [, height, across] = input.shape as [number, number, number];
  if (height % patch !== 0 || across % patch !== 0) {
    throw new TrainingError('bad-options', `an image of ${height}x${across} has no whole patches of ${patch}x${patch}`);
  }
  const patches = net.conv(input, 'embed', width, { kernel: patch, stride: patch, padding: 0, bias: true });
  const flat = net.reshape(patches, [width, (height / patch) * (across / patch)], 'patches');
  return net.op('Transpose', [flat], [flat.shape[1]!, width], 'patches.first', { perm: ints([0, 2, 1]) });
}

export const transformer: Architecture = {
  summary: 'small Transformer encoder over the steps of a series or the patches of an image',
  input: 'image or series',
  params: {
    width: whole(32, 'features of each position; divisible by the heads'),
    layers: whole(2, 'encoder layers'),
    heads: whole(4, 'attention heads'),
    feedForward: whole(64, 'units between the two dense layers of each encoder layer'),
    patch: whole(4, 'side of the patches of an image'),
    dropout: fraction(0.1, 'share of features left out in training behind each sub-layer'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const [width, heads, dropout] = [p.number('width'), p.number('heads'), p.number('dropout')];
    if (width % heads !== 0)
      throw new TrainingError('bad-options', `width ${width} is not divisible by ${heads} heads`);
    let x = addPositions(net, embed(net, width, p.number('patch')));
    for (let i = 1; i <= p.number('layers'); i++) {
      const name = `layer${i}`;
      const mixed = attention(net, layerNorm(net, x, `${name}.norm1`), `${name}.attention`, heads);
      x = net.add(x, net.dropout(mixed, dropout, `${name}.dropout1`), `${name}.add1`);
      const wide = everywhere(net, layerNorm(net, x, `${name}.norm2`), `${name}.wide`, p.number('feedForward'), 'gelu');
      const narrow = everywhere(net, wide, `${name}.narrow`, width);
      x = net.add(x, net.dropout(narrow, dropout, `${name}.dropout2`), `${name}.add2`);
    }
    const read = pooled(net, layerNorm(net, x, 'norm'), 'mean');
    return net.model(net.dense(read, 'output', classes), 'transformer');
  },
};
