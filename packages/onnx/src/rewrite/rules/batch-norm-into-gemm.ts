import { attrFloat, attrInt } from '../../attributes.js';
import type { Node } from '../../ir.js';
import { opPattern } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import {
  affineOfBatchNorm,
  floats,
  foldIntoLayer,
  refuseBatchNorm,
  refuseLayer,
  refuseShared,
  type Affine,
} from './affine.js';

const outAxis = (gemm: Node): number => (attrInt(gemm, 'transB', 0) === 1 ? 0 : 1);

/** Gemm, then BatchNormalization over its columns: one Gemm with other weights. */
export const batchNormIntoGemm: Rule = {
  name: 'batch-norm-into-gemm',
  pattern: opPattern('BatchNormalization', [opPattern('Gemm', [], 'gemm')], 'norm'),
  check(match) {
    const gemm = match.node('gemm');
    const refused = refuseLayer(gemm, 'gemm', match);
    if (refused) return decline(refused);
    const columns = floats(match.view, gemm.inputs[1])?.dims[outAxis(gemm)] as number;
    if (attrFloat(gemm, 'alpha', 1) !== 1 || attrFloat(gemm, 'beta', 1) !== 1) return decline('alpha or beta is not 1');
    if (gemm.inputs[2] && floats(match.view, gemm.inputs[2])?.data.length !== columns) {
      return decline('the bias is no constant with one element a column');
    }
    const reason = refuseBatchNorm(match.node('norm'), columns, match.view);
    if (reason) return decline(reason);
    const shared = refuseShared(gemm, affineOfBatchNorm(match.node('norm'), match.view) as Affine, match.view);
    return shared ? decline(shared) : ACCEPT;
  },
  rewrite(match, builder) {
    const gemm = match.node('gemm');
    const affine = affineOfBatchNorm(match.node('norm'), match.view) as Affine;
    return foldIntoLayer(gemm, outAxis(gemm), 1, affine, match.view, builder);
  },
};
