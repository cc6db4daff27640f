/** Whether it matters that a zero is 0 or -0. */
import { attrInt } from '../../attributes.js';
import { isDefaultDomain, subgraphs } from '../../builder.js';
import { DATA_TYPES } from '../../datatypes.js';
import type { Node } from '../../ir.js';
import type { Tensor } from '../../tensor.js';
import type { GraphView } from '../view.js';

/** TensorProto.DataType.STRING. */
const STRING = 8;

/** Whether a node may give other numbers for -0 than for 0, rather than the same or a zero of the other sign. */
function tells(node: Node, value: string): boolean {
  if (!isDefaultDomain(node.domain) || subgraphs(node).length > 0) return true;
  if (node.op === 'Div') return node.inputs[1] === value;
  if (node.op === 'Cast') return attrInt(node, 'to', 0) === STRING;
  return ['BitCast', 'CastLike', 'Mod', 'Pow', 'Reciprocal'].includes(node.op);
}

/** Whether no number that follows from a value, zeros of either sign being one number, hangs on the sign of its zeros. */
export function signOfZeroIsLost(view: GraphView, value: string): boolean {
  const seen = new Set([value]);
  for (const name of seen) {
    for (const node of view.users(name)) {
      if (tells(node, name)) return false;
      for (const output of node.outputs) if (output !== '') seen.add(output);
    }
  }
  return true;
}

/** Whether some element of a tensor is a float zero of this sign. */
export function hasZero(tensor: Tensor, negative: boolean): boolean {
  if (DATA_TYPES[tensor.dtype].family !== 'float') return false;
  // Of types that are held as bits the sign is not looked at here: either may be there.
  if (tensor.dtype !== 'float32' && tensor.dtype !== 'float64') return true;
  return tensor.data.some((v) => Object.is(v, negative ? -0 : 0));
}
