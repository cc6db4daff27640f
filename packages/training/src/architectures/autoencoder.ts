/** Auto-encoders: the output has the input's shape, and how far it is from the input says how unusual a sample is. */
import { TrainingError } from '../errors.js';
import { Net, type Signal } from './net.js';
import { flag, numbers, whole, type Architecture } from './params.js';

/** Dense layers with batch normalisation, as in the anomaly detection of MLPerf Tiny (Banbury et al. 2021, arXiv:2106.07597). */
export const autoencoder: Architecture = {
  summary: 'dense auto-encoder of the flattened sample; the output has the shape of the input',
  input: 'any',
  params: {
    hidden: numbers([128, 128, 128, 128], 'units of each layer before the code; the layers behind it mirror them'),
    code: whole(8, 'units of the code'),
    batchNorm: flag(true, 'normalise what each layer but the last gives over the batch'),
  },
  build(input, _classes, p, start) {
    const net = new Net(start, input);
    const hidden = p.numbers('hidden');
    const unit = (x: Signal, name: string, units: number): Signal => {
      if (!p.flag('batchNorm')) return net.dense(x, name, units, 'relu');
      return net.activation(net.batchNorm(net.dense(x, name, units), `${name}.bn`), 'relu', `${name}.act`);
    };
    const flat = net.flatten(net.input, 'flatten');
    let x = flat;
    hidden.forEach((units, i) => (x = unit(x, `encode${i + 1}`, units)));
    x = unit(x, 'code', p.number('code'));
    [...hidden].reverse().forEach((units, i) => (x = unit(x, `decode${i + 1}`, units)));
    x = net.dense(x, 'output', flat.shape[0]!);
    return net.model(input.length === 1 ? x : net.reshape(x, input, 'shape'), 'autoencoder');
  },
};

/** Strided convolutions down to the code and transposed convolutions back; each layer halves or doubles the image. */
export const convAutoencoder: Architecture = {
  summary: 'convolutional auto-encoder; height and width must be divisible by 2 for each layer',
  input: 'image',
  params: {
    channels: numbers([16, 32], 'channels of each layer that halves the image; the layers behind the code mirror them'),
    code: whole(8, 'channels of the code'),
  },
  build(input, _classes, p, start) {
    const net = new Net(start, input);
    const channels = p.numbers('channels');
    const step = 2 ** channels.length;
    if (input.slice(1).some((d) => d % step !== 0)) {
      const size = input.slice(1).join('x');
      throw new TrainingError(
        'bad-options',
        `${channels.length} halvings need a size divisible by ${step}, not ${size}`,
      );
    }
    let x: Signal = net.input;
    channels.forEach((c, i) => (x = net.convUnit(x, `encode${i + 1}`, c, { stride: 2 })));
    x = net.convUnit(x, 'code', p.number('code'), { kernel: 1 });
    const back = [...channels.slice(0, -1).reverse(), channels[0]!];
    back.forEach((c, i) => {
      const name = `decode${i + 1}`;
      x = net.convTranspose(x, `${name}.conv`, c, { kernel: 4, stride: 2, padding: 1 });
      x = net.activation(net.batchNorm(x, `${name}.bn`), 'relu', `${name}.act`);
    });
    return net.model(net.conv(x, 'output', input[0]!, { bias: true }), 'conv-autoencoder');
  },
};
