/** Multi-layer perceptron on flattened samples of any shape. */
import { Net } from './net.js';
import { choice, fraction, numbers, type Architecture } from './params.js';

export const mlp: Architecture = {
  summary: 'dense layers on the flattened sample',
  input: 'any',
  params: {
    hidden: numbers([256], 'units of each hidden layer'),
    activation: choice('relu', ['relu', 'tanh', 'hardswish'], 'activation of the hidden layers'),
    dropout: fraction(0, 'share of hidden units left out in training'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    let x = net.flatten(net.input, 'flatten');
    p.numbers('hidden').forEach((units, i) => {
      x = net.dense(x, `hidden${i + 1}`, units, p.choice('activation'));
      x = net.dropout(x, p.number('dropout'), `dropout${i + 1}`);
    });
    return net.model(net.dense(x, 'output', classes), 'mlp');
  },
};
