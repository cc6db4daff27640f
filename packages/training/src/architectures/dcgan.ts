/**
 * DCGAN (Radford, Metz and Chintala 2015, arXiv:1511.06434, section 3): strided convolutions, batch normalisation, no pooling.
 * On small images, where two or three convolutions are the whole network, strokes come out well and whole figures do not; a dense
 * hidden layer in both, as InfoGAN has it (Chen et al. 2016, arXiv:1606.03657, appendix C.1), sees the whole.
 */
import { TrainingError } from '../errors.js';
import { Net, type Signal } from './net.js';
import { count, whole, type Architecture } from './params.js';

const step = { kernel: 4, stride: 2, padding: 1 };

/** How often a side of 4 to 7 pixels doubles to `size`, and that side. */
function doublings(size: number): { times: number; side: number } {
  const times = Math.max(0, Math.floor(Math.log2(size / 4)));
  const side = size / 2 ** times;
  if (times < 1 || !Number.isInteger(side)) {
    const message = `a side of ${size} pixels is not reached by doubling one of 4 to 7; 28, 32 and 64 are`;
    throw new TrainingError('bad-options', message);
  }
  return { times, side };
}

export const dcganGenerator: Architecture = {
  summary: 'DCGAN generator: noise [features] to an image [channels, size, size] between -1 and 1',
  input: 'vector',
  init: 'normal',
  params: {
    channels: whole(3, 'channels of the image'),
    size: whole(64, 'height and width of the image'),
    features: whole(64, 'channels before the last layer; each layer before it has twice as many'),
    dense: count(0, 'units of a dense hidden layer behind the noise; 0: none, as DCGAN has it'),
  },
  build(input, _classes, p, start) {
    const net = new Net(start, input);
    const { times, side } = doublings(p.number('size'));
    const [features, dense] = [p.number('features'), p.number('dense')];
    const top = features * 2 ** (times - 1);
    const unit = (y: Signal, name: string): Signal =>
      net.activation(net.batchNorm(y, `${name}.bn`), 'relu', `${name}.act`);
    let x: Signal;
    if (dense > 0) {
      x = unit(net.dense(net.input, 'dense.gemm', dense, 'none', { bias: false }), 'dense');
      x = net.dense(x, 'project.gemm', top * side * side, 'none', { bias: false });
      x = unit(net.reshape(x, [top, side, side], 'project'), 'project');
    } else {
      const first = { kernel: side, stride: 1, padding: 0 };
      x = net.reshape(net.input, [input[0]!, 1, 1], 'noise');
      x = unit(net.convTranspose(x, 'project.conv', top, first), 'project');
    }
    for (let i = times - 2; i >= 0; i--) {
      const name = `up${times - 1 - i}`;
      x = unit(net.convTranspose(x, `${name}.conv`, features * 2 ** i, step), name);
    }
    x = net.activation(net.convTranspose(x, 'image.conv', p.number('channels'), step), 'tanh', 'image');
    return net.model(x, 'dcgan-generator');
  },
};

export const dcganDiscriminator: Architecture = {
  summary: 'DCGAN discriminator: a square image to logits; one of them says how real it is',
  input: 'image',
  init: 'normal',
  params: {
    features: whole(64, 'channels of the first layer; each layer behind it has twice as many'),
    dense: count(0, 'units of a dense hidden layer before the logits; 0: none, as DCGAN has it'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const [, height, width] = input as [number, number, number];
    if (height !== width) throw new TrainingError('bad-options', `the image must be square, not ${height}x${width}`);
    const { times, side } = doublings(height);
    const [features, dense] = [p.number('features'), p.number('dense')];
    // Batch normalisation everywhere but at the input (section 3).
    let x: Signal = net.activation(net.conv(net.input, 'down1.conv', features, step), 'leaky', 'down1.act');
    for (let i = 1; i < times; i++) x = net.convUnit(x, `down${i + 1}`, features * 2 ** i, step, 'leaky');
    if (dense > 0) {
      x = net.dense(net.flatten(x, 'flat'), 'dense.gemm', dense, 'none', { bias: false });
      x = net.activation(net.batchNorm(x, 'dense.bn'), 'leaky', 'dense.act');
      x = net.dense(x, 'output', classes);
    } else x = net.flatten(net.conv(x, 'output', classes, { kernel: side, padding: 0 }), 'logits');
    return net.model(x, 'dcgan-discriminator');
  },
};
