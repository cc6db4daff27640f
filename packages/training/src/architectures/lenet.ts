/** Two convolutions with pooling and two dense layers, after LeNet-5 (LeCun et al. 1998), with rectifiers. */
import { Net } from './net.js';
import { fraction, positive, whole, type Architecture } from './params.js';

export const lenet: Architecture = {
  summary: 'LeNet-5-like: two 5x5 convolutions with pooling, two dense layers',
  input: 'image',
  params: {
    width: positive(1, 'multiplies every layer'),
    kernel: whole(5, 'kernel size of the convolutions'),
    dropout: fraction(0, 'share of dense units left out in training'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const wide = (units: number): number => Math.max(1, Math.round(units * p.number('width')));
    const kernel = p.number('kernel');
    let x = net.activation(net.conv(net.input, 'conv1', wide(6), { kernel, bias: true }), 'relu', 'conv1.act');
    x = net.maxPool(x, 2, 'pool1');
    x = net.activation(net.conv(x, 'conv2', wide(16), { kernel, bias: true }), 'relu', 'conv2.act');
    x = net.flatten(net.maxPool(x, 2, 'pool2'), 'flatten');
    x = net.dropout(net.dense(x, 'dense1', wide(120), 'relu'), p.number('dropout'), 'dropout1');
    x = net.dropout(net.dense(x, 'dense2', wide(84), 'relu'), p.number('dropout'), 'dropout2');
    return net.model(net.dense(x, 'output', classes), 'lenet');
  },
};
