import { attrFloat, attrInt, type Node } from '@verge/onnx';
import { absorb, affineOfBatchNorm, foldIntoLayer, refuseBatchNorm, type Affine } from './affine.js';
import type { Match, Rule } from './rule.js';

interface GemmNorm extends Match {
  nodes: readonly [Node, Node];
}

const outAxis = (gemm: Node): number => (attrInt(gemm, 'transB', 0) === 1 ? 0 : 1);

/** Gemm, then BatchNormalization over its columns: one Gemm with other weights. */
export const batchNormIntoGemm: Rule<GemmNorm> = {
  name: 'batch-norm-into-gemm',
  pattern(node, index) {
    if (node.domain !== '' || node.op !== 'BatchNormalization') return null;
    const gemm = index.producers.get(node.inputs[0] as string);
    return gemm && gemm.domain === '' && gemm.op === 'Gemm' ? { nodes: [gemm, node] } : null;
  },
  check({ nodes: [gemm, norm] }, index) {
    if (index.soleReader(gemm.outputs[0] as string) !== norm) return 'the product has other readers';
    const weight = index.floats(gemm.inputs[1]);
    if (!weight) return 'the weight is no float32 constant of the model';
    const columns = weight.dims[outAxis(gemm)];
    if (attrFloat(gemm, 'alpha', 1) !== 1 || attrFloat(gemm, 'beta', 1) !== 1) return 'alpha or beta is not 1';
    if (gemm.inputs[2] && index.floats(gemm.inputs[2])?.data.length !== columns)
      return 'the bias is no constant with one element a column';
    const refused = refuseBatchNorm(norm, index);
    if (refused) return refused;
    return columns === affineOfBatchNorm(norm, index)?.scale.length
      ? null
      : 'the normalisation has another number of channels';
  },
  rewrite({ nodes: [gemm, norm] }, index, model) {
    foldIntoLayer(gemm, outAxis(gemm), affineOfBatchNorm(norm, index) as Affine, index, model);
    absorb(gemm, norm, model);
  },
};
