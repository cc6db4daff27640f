import { attrInt } from '../../attributes.js';
import { opPattern, type Match } from '../pattern.js';
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

const groupsOf = (match: Match): number => {
  const conv = match.node('conv');
  return conv.op === 'ConvTranspose' ? attrInt(conv, 'group', 1) : 1;
};

/** Conv or ConvTranspose, then BatchNormalization: one convolution with other weights. */
export const batchNormIntoConv: Rule = {
  name: 'batch-norm-into-conv',
  pattern: opPattern('BatchNormalization', [opPattern('Conv|ConvTranspose', [], 'conv')], 'norm'),
  check(match) {
    const conv = match.node('conv');
    const refused = refuseLayer(conv, 'conv', match);
    if (refused) return decline(refused);
    const dims = floats(match.view, conv.inputs[1])?.dims ?? [];
    const channels = conv.op === 'Conv' ? (dims[0] as number) : (dims[1] as number) * groupsOf(match);
    const reason = refuseBatchNorm(match.node('norm'), channels, match.view);
    if (reason) return decline(reason);
    const shared = refuseShared(conv, affineOfBatchNorm(match.node('norm'), match.view) as Affine, match.view);
    return shared ? decline(shared) : ACCEPT;
  },
  rewrite(match, builder) {
    const conv = match.node('conv');
    const affine = affineOfBatchNorm(match.node('norm'), match.view) as Affine;
    return foldIntoLayer(conv, conv.op === 'Conv' ? 0 : 1, groupsOf(match), affine, match.view, builder);
  },
};
