/** Recurrent networks over series: layers of LSTM (Hochreiter and Schmidhuber 1997), GRU (Cho et al. 2014, arXiv:1406.1078) or RNN. */
import { ints, type Model } from '@verge/onnx';
import { Net, type Signal, type Start } from './net.js';
import { choice, flag, fraction, whole, type Architecture, type Params } from './params.js';
import { pooled, presence, recurrentLayer, type Cell } from './series.js';

const params = {
  cell: choice('gru', ['gru', 'lstm', 'rnn'], 'cell of every layer'),
  hidden: whole(64, 'units of each layer and direction'),
  layers: whole(1, 'layers'),
  dropout: fraction(0, 'share of features left out in training behind each layer'),
};

function build(input: readonly number[], outputs: number, p: Params, start: Start, how: Plan): Model {
  const net = new Net(start, input);
  const [steps, channels] = input as [number, number];
  const present = how.padded ? presence(net, net.input) : undefined;
  const options = {
    cell: p.choice<Cell>('cell'),
    hidden: p.number('hidden'),
    bidirectional: how.bidirectional,
    lengths: present?.lengths,
  };
  let x: Signal = net.op('Transpose', [net.input], [steps, channels], 'steps-first', { perm: ints([1, 0, 2]) });
  const layers = p.number('layers');
  for (let i = 1; i <= layers; i++) {
    x = recurrentLayer(net, x, `layer${i}`, options, i < layers || how.pooling === 'mean');
    if (i < layers) x = net.dropout(x, p.number('dropout'), `dropout${i}`);
  }
  if (how.pooling === 'mean') {
    x = net.op('Transpose', [x], x.shape, 'batch-first', { perm: ints([1, 0, 2]) });
    x = pooled(net, x, 'mean', present);
  }
  x = net.dropout(x, p.number('dropout'), `dropout${layers}`);
  return net.model(net.dense(x, 'output', outputs), how.name);
}

interface Plan {
  readonly name: string;
  readonly bidirectional: boolean;
  readonly pooling: string;
  readonly padded: boolean;
}

export const recurrent: Architecture = {
  summary: 'LSTM, GRU or RNN layers over a series, then a classifier',
  input: 'series',
  params: {
    ...params,
    bidirectional: flag(false, 'read each series in both directions'),
    pooling: choice(
      'last',
      ['last', 'mean'],
      'what the classifier reads: the last state of each direction, or the mean of all',
    ),
    padded: flag(false, 'steps of zeros at the end of a sample are padding, which is not read'),
  },
  build(input, classes, p, start) {
    const plan = { bidirectional: p.flag('bidirectional'), pooling: p.choice('pooling'), padded: p.flag('padded') };
    return build(input, classes, p, start, { name: 'recurrent', ...plan });
  },
};

export const forecaster: Architecture = {
  summary: 'LSTM, GRU or RNN layers over a window of a series, then as many values ahead as the network has outputs',
  input: 'series',
  params,
  build: (input, outputs, p, start) =>
    build(input, outputs, p, start, { name: 'forecaster', bidirectional: false, pooling: 'last', padded: false }),
};
