/** Plain convolutional network: convolutions with pooling between them, then dense layers. */
import { Net, type Activation, type Signal } from './net.js';
import { choice, flag, fraction, numbers, whole, type Architecture } from './params.js';

export const cnn: Architecture = {
  summary: 'convolutions that each halve the image, then dense layers',
  input: 'image',
  params: {
    channels: numbers([32, 64], 'channels of each convolution'),
    kernel: whole(3, 'kernel size of the convolutions'),
    dense: numbers([128], 'units of each dense layer'),
    batchNorm: flag(false, 'normalise what each convolution gives over the batch'),
    activation: choice('relu', ['relu', 'relu6', 'hardswish'], 'activation everywhere'),
    dropout: fraction(0, 'share of dense units left out in training'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const activation = p.choice<Activation>('activation');
    const kernel = p.number('kernel');
    let x: Signal = net.input;
    p.numbers('channels').forEach((channels, i) => {
      const name = `conv${i + 1}`;
      if (p.flag('batchNorm')) x = net.convUnit(x, name, channels, { kernel }, activation);
      else x = net.activation(net.conv(x, name, channels, { kernel, bias: true }), activation, `${name}.act`);
      x = net.maxPool(x, 2, `pool${i + 1}`);
    });
    x = net.flatten(x, 'flatten');
    p.numbers('dense').forEach((units, i) => {
      x = net.dropout(net.dense(x, `dense${i + 1}`, units, activation), p.number('dropout'), `dropout${i + 1}`);
    });
    return net.model(net.dense(x, 'output', classes), 'cnn');
  },
};
