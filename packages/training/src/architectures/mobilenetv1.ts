/** MobileNetV1 (Howard et al. 2017, arXiv:1704.04861, table 1). */
import { Net, type Signal } from './net.js';
import { fraction, positive, whole, type Architecture } from './params.js';

/** Channels and stride of each separable block. */
const blocks: readonly (readonly [number, number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  ...Array.from({ length: 5 }, () => [512, 1] as const),
  [1024, 2],
  [1024, 1],
];

export const mobilenetv1: Architecture = {
  summary: 'MobileNetV1: thirteen depthwise-separable blocks; any resolution',
  input: 'image',
  init: 'pytorch',
  params: {
    width: positive(1, 'multiplies the channels of every layer'),
    stemStride: whole(2, 'stride of the first convolution; 1 for small images'),
    dropout: fraction(0, 'share of pooled features left out in training'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const wide = (channels: number): number => Math.max(1, Math.floor(channels * p.number('width')));
    let x: Signal = net.convUnit(net.input, 'stem', wide(32), { stride: p.number('stemStride') }, 'relu6');
    blocks.forEach(([channels, stride], i) => {
      const depth = { stride, group: x.shape[0]! };
      x = net.convUnit(x, `block${i + 1}.depth`, x.shape[0]!, depth, 'relu6');
      x = net.convUnit(x, `block${i + 1}.point`, wide(channels), { kernel: 1 }, 'relu6');
    });
    x = net.dropout(net.globalPool(x, 'pool'), p.number('dropout'), 'dropout');
    return net.model(net.dense(x, 'output', classes), 'mobilenetv1');
  },
};
