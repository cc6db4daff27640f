import { attrString } from '../../attributes.js';
import type { Node } from '../../ir.js';
import type { Tensor } from '../../tensor.js';
import { opPattern, type Match } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import type { GraphView } from '../view.js';
import { everyElementIs, shapeOf } from './constants.js';

/** Operators whose result holds nothing but elements of their first input. */
const PICKING: ReadonlySet<string> = new Set(
  'Identity Slice Gather Expand Tile Reshape Squeeze Unsqueeze Flatten Transpose Split'.split(' '),
);

/** Whether every element of a value is 0, whatever its size. */
function isZero(name: string, view: GraphView): boolean {
  const zero = (tensor: Tensor | null): boolean => tensor !== null && everyElementIs(tensor, 0);
  for (let value = name; ;) {
    const stored = view.constant(value);
    if (stored) return zero(stored);
    const node = view.producer(value);
    if (!node || node.domain !== '') return false;
    if (node.op === 'ConstantOfShape') {
      const fill = node.attributes.get('value');
      return fill === undefined || (fill.kind === 'tensor' && 'data' in fill.value.value && zero(fill.value.value));
    }
    if (!PICKING.has(node.op)) return false;
    value = node.inputs[0]!;
  }
}

/** The inputs that hold the state at the beginning: initial_h, and initial_c of an LSTM. */
const STATES: Readonly<Record<string, readonly number[]>> = { RNN: [5], GRU: [5], LSTM: [5, 6] };

/** Whether a state is 0 and, as is proven, of the size that the layer begins with when it is given none. */
function isDefault(node: Node, input: number, view: GraphView): boolean {
  const name = node.inputs[input] ?? '';
  if (name === '' || !isZero(name, view)) return false;
  const [state, x, r] = [name, node.inputs[0], node.inputs[2]].map((value) => shapeOf(view, value));
  const directions = attrString(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  // A layout of 1 puts the batch first (RNN-14).
  if (node.attributes.has('layout') || state?.length !== 3 || x?.length !== 3 || r?.length !== 3) return false;
  return state[0] === directions && state[1] !== null && state[1] === x[1] && state[2] !== null && state[2] === r[2];
}

const defaults = (match: Match): number[] =>
  STATES[match.root.op]!.filter((input) => isDefault(match.root, input, match.view));

/** RNN, GRU or LSTM that begins with a state of zeros -> without: zeros are what it begins with. */
export const zeroState: Rule = {
  name: 'zero-state',
  pattern: opPattern('RNN|GRU|LSTM', [], 'layer'),
  check: (match) =>
    defaults(match).length > 0 ? ACCEPT : decline('no state is known to be zeros of the size of the batch'),
  rewrite(match, builder) {
    const { root } = match;
    const gone = new Set(defaults(match));
    const inputs = root.inputs.map((name, i) => (gone.has(i) ? '' : name));
    while (inputs.at(-1) === '') inputs.pop();
    const attributes = Object.fromEntries(root.attributes);
    const names = root.outputs.length;
    return names === 1
      ? builder.node(root.op, inputs, attributes, 1, { name: root.name })
      : builder.node(root.op, inputs, attributes, names, { name: root.name });
  },
};
