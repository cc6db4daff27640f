import { attrInt, type Node } from '@verge/onnx';
import { absorb, affineOfBatchNorm, foldIntoLayer, refuseBatchNorm, type Affine } from './affine.js';
import type { Match, Rule } from './rule.js';

interface ConvNorm extends Match {
  nodes: readonly [Node, Node];
}

/** Conv or ConvTranspose, then BatchNormalization: one convolution with other weights. */
export const batchNormIntoConv: Rule<ConvNorm> = {
  name: 'batch-norm-into-conv',
  pattern(node, index) {
    if (node.domain !== '' || node.op !== 'BatchNormalization') return null;
    const conv = index.producers.get(node.inputs[0] as string);
    return conv && conv.domain === '' && (conv.op === 'Conv' || conv.op === 'ConvTranspose')
      ? { nodes: [conv, node] }
      : null;
  },
  check({ nodes: [conv, norm] }, index) {
    if (index.soleReader(conv.outputs[0] as string) !== norm) return 'the convolution has other readers';
    const weight = index.floats(conv.inputs[1]);
    if (!weight) return 'the weight is no float32 constant of the model';
    if (conv.inputs[2] && !index.floats(conv.inputs[2])) return 'the bias is no float32 constant of the model';
    const refused = refuseBatchNorm(norm, index);
    if (refused) return refused;
    const channels = conv.op === 'Conv' ? weight.dims[0] : (weight.dims[1] as number) * attrInt(conv, 'group', 1);
    return channels === affineOfBatchNorm(norm, index)?.scale.length
      ? null
      : 'the normalisation has another number of channels';
  },
  rewrite({ nodes: [conv, norm] }, index, model) {
    foldIntoLayer(conv, conv.op === 'Conv' ? 0 : 1, affineOfBatchNorm(norm, index) as Affine, index, model);
    absorb(conv, norm, model);
  },
};
