/** The LeNet-5 that compressions are compared on (20 and 50 maps, 500 units; Caffe's example), with weights to begin with. */
import { float32, GraphBuilder, int, ints, type Model } from '@verge/onnx';
import { Random } from '@verge/training';

/** Weights after He et al. 2015, biases 0. */
export function lenet5(): Model {
  const g = new GraphBuilder();
  const random = new Random(1, 'lenet-5');
  const parameters = (name: string, dims: readonly number[]): string[] => {
    const fan = dims.slice(1).reduce((a, b) => a * b, 1);
    const deviation = Math.sqrt(2 / fan);
    const weight = Float32Array.from({ length: fan * dims[0]! }, () => random.normal() * deviation);
    return [
      g.initializer(`${name}.weight`, float32(dims, weight)),
      g.initializer(`${name}.bias`, float32([dims[0]!], new Float32Array(dims[0]!))),
    ];
  };
  const layer = (op: 'Conv' | 'Gemm', x: string, name: string, dims: readonly number[], output?: string): string =>
    g.node(op, [x, ...parameters(name, dims)], op === 'Gemm' ? { transB: int(1) } : {}, 1, {
      name,
      ...(output && { outputNames: [output] }),
    });
  const halved = (x: string): string => g.node('MaxPool', [x], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
  let x = g.input('image', 'float32', ['N', 1, 28, 28]);
  x = halved(layer('Conv', x, 'conv1', [20, 1, 5, 5]));
  x = halved(layer('Conv', x, 'conv2', [50, 20, 5, 5]));
  x = g.node('Relu', [layer('Gemm', g.node('Flatten', [x]), 'dense1', [500, 800])]);
  g.output(layer('Gemm', x, 'dense2', [10, 500], 'scores'), 'float32', ['N', 10]);
  return g.build();
}
