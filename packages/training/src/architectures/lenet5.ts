/** LeNet-5 (LeCun et al. 1998, section II.B): two convolutions, two subsampling layers, three dense layers. */
import { Net, type Activation } from './net.js';
import { choice, type Architecture } from './params.js';

export const lenet5: Architecture = {
  summary: 'the classic five-layer LeNet-5; every map of the second convolution reads all maps of the first',
  input: 'image',
  params: {
    padding: choice('same', ['same', 'valid'], 'of the first convolution: same for 28x28 images, valid for 32x32'),
    activation: choice('tanh', ['tanh', 'relu'], 'activation everywhere'),
    pooling: choice('average', ['average', 'max'], 'how images are halved'),
  },
  build(input, classes, p, start) {
    const net = new Net(start, input);
    const activation = p.choice<Activation>('activation');
    const halve = p.choice('pooling') === 'average' ? net.averagePool.bind(net) : net.maxPool.bind(net);
    const padding = p.choice('padding') === 'same' ? 2 : 0;
    let x = net.conv(net.input, 'conv1', 6, { kernel: 5, padding, bias: true });
    x = halve(net.activation(x, activation, 'conv1.act'), 2, 'pool1');
    x = net.conv(x, 'conv2', 16, { kernel: 5, padding: 0, bias: true });
    x = halve(net.activation(x, activation, 'conv2.act'), 2, 'pool2');
    x = net.dense(net.flatten(x, 'flatten'), 'dense1', 120, activation);
    x = net.dense(x, 'dense2', 84, activation);
    return net.model(net.dense(x, 'output', classes), 'lenet5');
  },
};
