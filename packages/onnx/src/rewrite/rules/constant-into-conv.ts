import { constantPattern, opPattern, type Match, type NodePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule, type Verdict } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { floats, foldIntoLayer, refuseLayer, refuseShared, type Affine } from './affine.js';

/** The constant as one value for each channel of [N, C, ...]; null when it varies along another axis. */
function perChannel(name: string, rank: number, channels: number, view: GraphView): Float64Array | null {
  const tensor = floats(view, name);
  if (!tensor || tensor.dims.length > rank) return null;
  const axis = 1 - (rank - tensor.dims.length);
  if (tensor.dims.some((d, i) => d !== 1 && i !== axis)) return null;
  if (tensor.data.length === 1) return new Float64Array(channels).fill(tensor.data[0] as number);
  return tensor.data.length === channels ? Float64Array.from(tensor.data) : null;
}

function valuesOf(match: Match): Float64Array | null {
  const dims = floats(match.view, match.node('conv').inputs[1])?.dims ?? [];
  return perChannel(match.value('constant'), dims.length, dims[0] ?? 0, match.view);
}

function affineOf(match: Match): Affine | null {
  const values = valuesOf(match);
  if (!values) return null;
  const none = new Float64Array(values.length);
  return match.root.op === 'Mul' ? { scale: values, shift: none } : { scale: none.map(() => 1), shift: values };
}

function check(match: Match): Verdict {
  const refused = refuseLayer(match.node('conv'), 'conv', match);
  if (refused) return decline(refused);
  const affine = affineOf(match);
  if (!affine) return decline('the constant is not one value for each channel');
  const shared = refuseShared(match.node('conv'), affine, match.view);
  return shared ? decline(shared) : ACCEPT;
}

function rewrite(match: Match, builder: Parameters<Rule['rewrite']>[1]): string {
  return foldIntoLayer(match.node('conv'), 0, 1, affineOf(match) as Affine, match.view, builder);
}

const conv = opPattern('Conv', [], 'conv');
const constant = constantPattern('constant');
const rule = (name: string, pattern: NodePattern): Rule => ({ name, pattern, check, rewrite });

/** Conv, then Add or Mul with a constant for each channel: the constant goes into bias and weights. */
export const constantIntoConv = [
  rule('constant-into-conv', opPattern('Add|Mul', [conv, constant], 'step')),
  rule('constant-into-conv-left', opPattern('Add|Mul', [constant, conv], 'step')),
];
