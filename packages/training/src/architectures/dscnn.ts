/** Depthwise-separable network (Howard et al. 2017, arXiv:1704.04861; as DS-CNN in Zhang et al. 2017, arXiv:1711.07128). */
import { Net, type Activation, type Signal } from './net.js';
import { choice, fraction, numbers, whole, type Architecture } from './params.js';

export const dscnn: Architecture = {
  summary: 'depthwise-separable CNN in the manner of MobileNet and DS-CNN',
  input: 'image',
  init: 'pytorch',
  params: {
    stem: whole(16, 'channels of the first, dense convolution'),
    stemKernel: numbers([3], 'kernel of the first convolution: one number, or [height, width]'),
    stemStride: whole(1, 'stride of the first convolution'),
    channels: numbers([32, 32, 64, 64], 'channels of each separable block'),
    strides: numbers([2, 1, 2, 1], 'stride of each separable block, 1 where the list ends early'),
    activation: choice('relu', ['relu', 'relu6', 'hardswish'], 'activation everywhere'),
    dropout: fraction(0, 'share of pooled features left out in training'),
    head: choice('average', ['average', 'flatten'], 'how the last feature map reaches the classifier'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const activation = p.choice<Activation>('activation');
    const strides = p.numbers('strides');
    const stem = { kernel: p.numbers('stemKernel'), stride: p.number('stemStride') };
    let x: Signal = net.convUnit(net.input, 'stem', p.number('stem'), stem, activation);
    p.numbers('channels').forEach((channels, i) => {
      const name = `block${i + 1}`;
      const depth = { stride: strides[i] ?? 1, group: x.shape[0]! };
      x = net.convUnit(x, `${name}.depth`, x.shape[0]!, depth, activation);
      x = net.convUnit(x, `${name}.point`, channels, { kernel: 1 }, activation);
    });
    x = p.choice('head') === 'average' ? net.globalPool(x, 'pool') : net.flatten(x, 'flatten');
    x = net.dropout(x, p.number('dropout'), 'dropout');
    return net.model(net.dense(x, 'output', classes), 'dscnn');
  },
};
