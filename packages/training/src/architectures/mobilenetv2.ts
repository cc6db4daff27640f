/** MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381, table 2): inverted residuals with linear bottlenecks. */
import { Net, type Signal } from './net.js';
import { fraction, positive, whole, type Architecture } from './params.js';

/** Expansion, channels, blocks and the stride of the first block, for each stage. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** The nearest multiple of 8, at least 8 and no less than nine tenths of the value: the authors' rounding of channels. */
function multipleOf8(channels: number): number {
  const near = Math.max(8, Math.floor(channels / 8 + 0.5) * 8);
  return near < 0.9 * channels ? near + 8 : near;
}

interface Block {
  readonly expansion: number;
  readonly channels: number;
  readonly stride: number;
}

function invertedResidual(net: Net, x: Signal, name: string, { expansion, channels, stride }: Block): Signal {
  const wide = x.shape[0]! * expansion;
  let y = expansion === 1 ? x : net.convUnit(x, `${name}.expand`, wide, { kernel: 1 }, 'relu6');
  y = net.convUnit(y, `${name}.depth`, wide, { stride, group: wide }, 'relu6');
  y = net.convUnit(y, `${name}.project`, channels, { kernel: 1 }, 'none');
  return stride === 1 && x.shape[0] === channels ? net.add(x, y, `${name}.add`) : y;
}

export const mobilenetv2: Architecture = {
  summary: 'MobileNetV2: seventeen inverted residuals; any resolution',
  input: 'image',
  init: 'pytorch',
  params: {
    width: positive(
      1,
      'multiplies the channels of every layer, rounded to multiples of 8; the last layer only above 1',
    ),
    stemStride: whole(2, 'stride of the first convolution; 1 for small images'),
    dropout: fraction(0, 'share of pooled features left out in training'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const width = p.number('width');
    const stem = { stride: p.number('stemStride') };
    let x: Signal = net.convUnit(net.input, 'stem', multipleOf8(32 * width), stem, 'relu6');
    stages.forEach(([expansion, base, count, first], s) => {
      const channels = multipleOf8(base * width);
      for (let i = 0; i < count; i++) {
        const block = { expansion, channels, stride: i === 0 ? first : 1 };
        x = invertedResidual(net, x, `stage${s + 1}.block${i + 1}`, block);
      }
    });
    x = net.convUnit(x, 'last', multipleOf8(1280 * Math.max(1, width)), { kernel: 1 }, 'relu6');
    x = net.dropout(net.globalPool(x, 'pool'), p.number('dropout'), 'dropout');
    return net.model(net.dense(x, 'output', classes), 'mobilenetv2');
  },
};
