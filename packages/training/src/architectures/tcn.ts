/**
 * Temporal convolutional network (Bai, Kolter and Koltun 2018, arXiv:1803.01271, section 3): residual blocks of two causal
 * convolutions whose dilation doubles from block to block, so that the last step has seen (kernel - 1) * 2 * (2^blocks - 1)
 * steps before it. The paper normalises weights; here batch normalisation, which inference folds away, takes that place.
 */
import { ints } from '@verge/onnx';
import { Net, type Signal } from './net.js';
import { choice, flag, fraction, numbers, whole, type Architecture } from './params.js';
import { presence, pooled } from './series.js';

interface BlockOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly dilation: number;
  readonly batchNorm: boolean;
  readonly dropout: number;
}

function block(net: Net, x: Signal, name: string, o: BlockOptions): Signal {
  const { kernel, dilation } = o;
  let y = x;
  for (const part of ['a', 'b'].map((s) => `${name}.${s}`)) {
    const options = { kernel, dilation, padding: 'causal' as const };
    if (o.batchNorm) y = net.convUnit(y, part, o.channels, options);
    else y = net.activation(net.conv(y, `${part}.conv`, o.channels, { ...options, bias: true }), 'relu', `${part}.act`);
    y = net.dropout(y, o.dropout, `${part}.dropout`);
  }
  const same = x.shape[0] === o.channels;
  const around = same ? x : net.conv(x, `${name}.skip`, o.channels, { kernel: 1, bias: true });
  return net.activation(net.add(y, around, `${name}.add`), 'relu', `${name}.act`);
}

export const tcn: Architecture = {
  summary: 'dilated causal convolutions with residual blocks over a series',
  input: 'series',
  params: {
    channels: numbers([32, 32, 32, 32], 'channels of each block; the dilation doubles from block to block'),
    kernel: whole(3, 'kernel size'),
    batchNorm: flag(true, 'normalise what each convolution gives over the batch'),
    dropout: fraction(0.1, 'share of features left out in training behind each convolution'),
    pooling: choice('mean', ['last', 'mean'], 'which steps the classifier reads'),
    padded: flag(false, 'steps of zeros at the end of a sample are padding, which the pooling leaves out'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const [steps, channels] = input as [number, number];
    let x = net.op('Transpose', [net.input], [channels, steps], 'channels-first', { perm: ints([0, 2, 1]) });
    p.numbers('channels').forEach((width, i) => {
      x = block(net, x, `block${i + 1}`, {
        channels: width,
        kernel: p.number('kernel'),
        dilation: 2 ** i,
        batchNorm: p.flag('batchNorm'),
        dropout: p.number('dropout'),
      });
    });
    x = net.op('Transpose', [x], [steps, x.shape[0]!], 'steps-first', { perm: ints([0, 2, 1]) });
    const present = p.flag('padded') ? presence(net, net.input) : undefined;
    return net.model(net.dense(pooled(net, x, p.choice('pooling'), present), 'output', classes), 'tcn');
  },
};
