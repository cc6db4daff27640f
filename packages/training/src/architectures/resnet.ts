/** Residual network of basic blocks for small images (He et al. 2016, arXiv:1512.03385, section 4.2); a last scale of 0 is that of Goyal et al. 2017 (arXiv:1706.02677, section 5.1). */
import type { Model } from '@verge/onnx';
import { Net, type Signal, type Start } from './net.js';
import { choice, flag, fraction, numbers, positive, whole, type Architecture, type Params } from './params.js';

interface BlockOptions {
  readonly channels: number;
  readonly stride: number;
  /** What the scale of the branch's last normalisation starts with. */
  readonly scale: number;
}

/** Two 3x3 convolutions and a way around them; the way is a 1x1 convolution where the shape changes. */
function block(net: Net, x: Signal, name: string, { channels, stride, scale }: BlockOptions): Signal {
  const inner = net.convUnit(x, `${name}.a`, channels, { stride });
  const outer = net.batchNorm(net.conv(inner, `${name}.b.conv`, channels), `${name}.b.bn`, scale);
  const same = stride === 1 && x.shape[0] === channels;
  const around = same ? x : net.convUnit(x, `${name}.skip`, channels, { stride, kernel: 1 }, 'none');
  return net.activation(net.add(outer, around, `${name}.add`), 'relu', `${name}.act`);
}

interface Plan {
  readonly channels: readonly number[];
  /** Blocks in each stage. */
  readonly blocks: number;
}

function build(plan: Plan, input: readonly number[], classes: number, p: Params, start: Start): Model {
  const net = new Net(start, input);
  const scale = p.flag('zeroInitResidual') ? 0 : 1;
  let x = net.convUnit(net.input, 'stem', plan.channels[0]!);
  plan.channels.forEach((width, stage) => {
    for (let i = 0; i < plan.blocks; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1;
      x = block(net, x, `stage${stage + 1}.block${i + 1}`, { channels: width, stride, scale });
    }
  });
  x = p.choice('head') === 'average' ? net.globalPool(x, 'pool') : net.flatten(x, 'flatten');
  x = net.dropout(x, p.number('dropout'), 'dropout');
  return net.model(net.dense(x, 'output', classes), 'resnet');
}

const common = {
  dropout: fraction(0, 'share of pooled features left out in training'),
  head: choice('average', ['average', 'flatten'], 'how the last feature map reaches the classifier'),
  zeroInitResidual: flag(
    false,
    'the last normalisation of each branch starts with scale 0, so that every block starts as its way around',
  ),
};

export const resnet: Architecture = {
  summary: 'residual CNN; three stages of one block are the ResNet-8 of MLPerf Tiny',
  input: 'image',
  params: {
    channels: numbers([16, 32, 64], 'channels of each stage; each stage after the first halves the image'),
    blocks: whole(1, 'blocks in each stage'),
    ...common,
  },
  build: (input, classes, p, start) =>
    build({ channels: p.numbers('channels'), blocks: p.number('blocks') }, input, classes, p, start),
};

/** The networks that the paper trains on CIFAR-10: 6n + 2 layers are three stages of n blocks. */
export function resnetOf(layers: number): Architecture {
  const blocks = (layers - 2) / 6;
  return {
    summary: `ResNet-${layers}: three stages of ${blocks} blocks`,
    input: 'image',
    params: { width: positive(1, 'multiplies the channels 16, 32, 64'), ...common },
    build(input, classes, p, start) {
      const channels = [16, 32, 64].map((c) => Math.max(1, Math.round(c * p.number('width'))));
      return build({ channels, blocks }, input, classes, p, start);
    },
  };
}
