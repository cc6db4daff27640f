/** A sequence of tensors as three vectors that say the same. */
import { graphAttr, int } from '../attributes.js';
import { emptyGraph } from '../codec/graphs.js';
import { byteLengthOf, tensorOverBytes } from '../datatypes.js';
import type { Attribute, Node, StoredTensor } from '../ir.js';
import { tensorInfo } from '../builder.js';
import { int64, type DataType, type Tensor } from '../tensor.js';

/** An empty vector. */
const nothing = (dtype: DataType): Tensor =>
  dtype === 'string'
    ? { dtype, dims: [0], data: [] }
    : tensorOverBytes(dtype, [0], new Uint8Array(byteLengthOf(dtype, 0)));

/**
 * Nodes that go through a sequence (opset 11 and later) and gather the elements of all its tensors, their sizes and their
 * ranks, each in a vector of its own.
 * @param dtype of the tensors
 * @param outputs names of the three vectors
 * @param fresh gives a name that nothing has
 */
export function flattenSequence(
  sequence: string,
  dtype: DataType,
  outputs: readonly string[],
  fresh: (stem: string) => string,
): { nodes: Node[]; initializers: StoredTensor[] } {
  const initializers: StoredTensor[] = [];
  const constant = (stem: string, value: Tensor): string => {
    const name = fresh(`${sequence}.${stem}`);
    initializers.push({ name, value });
    return name;
  };
  const node = (
    op: string,
    inputs: string[],
    made: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): Node => ({
    op,
    domain: '',
    name: fresh(`${sequence}.${op}`),
    inputs,
    outputs: [...made],
    attributes: new Map(Object.entries(attributes)),
  });
  const value = (stem: string): string => fresh(`${sequence}.${stem}`);

  const types: DataType[] = [dtype, 'int64', 'int64'];
  const [trip, going, still] = [value('trip'), value('going'), value('still')];
  const kept = types.map((_, i) => value(`kept${i}`));
  const grown = types.map((_, i) => value(`grown${i}`));
  const [tensor, flat, sizes, rank] = [value('tensor'), value('elements'), value('shape'), value('rank')];
  const body = {
    ...emptyGraph(value('body')),
    inputs: [
      tensorInfo(trip, 'int64', []),
      tensorInfo(going, 'bool', []),
      ...kept.map((name, i) => tensorInfo(name, types[i]!, [null])),
    ],
    outputs: [tensorInfo(still, 'bool', []), ...grown.map((name, i) => tensorInfo(name, types[i]!, [null]))],
    nodes: [
      node('SequenceAt', [sequence, trip], [tensor]),
      node('Shape', [tensor], [sizes]),
      node('Shape', [sizes], [rank]),
      node('Reshape', [tensor, constant('one-axis', int64([1], [-1]))], [flat]),
      ...[flat, sizes, rank].map((more, i) => node('Concat', [kept[i]!, more], [grown[i]!], { axis: int(0) })),
      node('Identity', [going], [still]),
    ],
  };
  const count = value('count');
  const start = types.map((type) => constant('empty', nothing(type)));
  return {
    nodes: [
      node('SequenceLength', [sequence], [count]),
      node('Loop', [count, '', ...start], outputs, { body: graphAttr(body) }),
    ],
    initializers,
  };
}
