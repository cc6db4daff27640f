/** How often a model rounds to 16 bits, one after the other, and how far apart two forms of it may be because of that. */
import { subgraphs } from '../builder.js';
import { OnnxError } from '../errors.js';
import { inferShapes, valueTypes } from '../infer/index.js';
import type { Attribute, Graph, Model, Node, ValueInfo, ValueType } from '../ir.js';
import { normalise } from '../normalise/index.js';
import { readsOf } from '../rewrite/view.js';
import { captured } from './subgraphs.js';

/** Half the distance between 1 and the next number: 11 significant bits, and 8. */
const UNITS: Readonly<Record<string, number>> = { float16: 2 ** -11, bfloat16: 2 ** -8 };

/** What these give are numbers that they read, so that nothing is rounded. */
const EXACT = new Set(
  (
    'Identity Reshape Flatten Squeeze Unsqueeze Transpose Concat Split Slice Gather GatherElements GatherND Expand Tile Pad ' +
    'Constant ConstantOfShape Trilu DepthToSpace SpaceToDepth Where Max Min Clip Relu Neg Abs MaxPool GlobalMaxPool ReduceMax ' +
    'ReduceMin TopK ScatterElements ScatterND OneHot ReverseSequence Dropout'
  ).split(' '),
);

export interface Roundings {
  /** Most roundings to 16 bits that a number goes through from the inputs to an output. */
  readonly count: number;
  /** Largest difference over the largest number of an output that they explain; 0 where there are none. */
  readonly relative: number;
}

interface Path {
  readonly count: number;
  /** Sum of the squares of the roundings' units. */
  readonly squares: number;
}

const NONE: Path = { count: 0, squares: 0 };
const longer = (a: Path, b: Path): Path => (b.squares > a.squares ? b : a);

/** The values around a graph. */
interface Known {
  readonly paths: ReadonlyMap<string, Path>;
  readonly types: ReadonlyMap<string, ValueType>;
}

/** What a node's own numbers are rounded by; nothing where they are passed on or the type is not known. */
function unitOf(node: Node, type: ValueType | undefined): number {
  if (subgraphs(node).length > 0 || (node.domain === '' && EXACT.has(node.op))) return 0;
  return type?.kind === 'tensor' ? (UNITS[type.dtype ?? ''] ?? 0) : 0;
}

/**
 * The path that costs most to an output of the model's graph, given those to the values around it and to its inputs.
 * @throws OnnxError as `inferShapes`
 */
function pathThrough(model: Model, outer: Known, start: Path): Path {
  const read = [...captured(model.graph)].map((name): ValueInfo => ({ name, type: outer.types.get(name) ?? null }));
  const { graph } = inferShapes({ ...model, graph: { ...model.graph, inputs: [...model.graph.inputs, ...read] } });
  const types = valueTypes(graph);
  const paths = new Map(outer.paths);
  for (const { name } of model.graph.inputs) paths.set(name, start);
  const at = (name: string): Path => paths.get(name) ?? NONE;
  for (const node of graph.nodes) {
    const read = [...readsOf(node)].map(at).reduce(longer, NONE);
    const inner = subgraphs(node)
      .map((sub) => pathThrough({ ...model, graph: sub }, { paths, types }, read))
      .reduce(longer, read);
    for (const name of node.outputs) {
      const unit = unitOf(node, types.get(name));
      paths.set(name, unit > 0 ? { count: inner.count + 1, squares: inner.squares + unit ** 2 } : inner);
    }
  }
  return graph.outputs.map(({ name }) => at(name)).reduce(longer, NONE);
}

const isHalf = (dtype: string | null | undefined): boolean => dtype !== null && dtype !== undefined && dtype in UNITS;

/** What onnx.proto calls float16 and bfloat16. */
const NUMBERS = [10, 16];

/** Whether a 16-bit float may occur at all: types need not be worked out where none can. */
function mayRound(graph: Graph): boolean {
  const typed = graph.inputs.some(({ type }) => type?.kind === 'tensor' && isHalf(type.dtype));
  const stored = [...graph.initializers.values()].some(({ value }) => isHalf(value.dtype));
  const made = (attribute: Attribute): boolean =>
    (attribute.kind === 'int' && NUMBERS.includes(Number(attribute.value))) ||
    (attribute.kind === 'tensor' && isHalf(attribute.value.value.dtype));
  const inside = (node: Node): boolean => [...node.attributes.values()].some(made) || subgraphs(node).some(mayRound);
  return typed || stored || graph.nodes.some(inside);
}

/**
 * A rounding to p significant bits moves a number by at most u = 2^-p of itself. Two forms of a model that round at other places
 * each do so n times in a row; 2 n roundings that do not know of each other add up to about sqrt(2 n) u, as the steps of a random
 * walk do (N. J. Higham, T. Mary, A new approach to probabilistic rounding error analysis, 2019). That layers neither grow nor
 * shrink a difference relative to the largest number is assumed; products are taken to add up in 32 bits and to round once.
 * A loop's body counts once. Values whose types do not follow from the inputs round nothing, which asks for more.
 * So do all values of a model whose types contradict each other.
 */
export function roundingsOf(model: Model): Roundings {
  const none = { count: 0, relative: 0 };
  if (!mayRound(model.graph)) return none;
  try {
    const { count, squares } = pathThrough(normalise(model).model, { paths: new Map(), types: new Map() }, NONE);
    return { count, relative: Math.sqrt(2 * squares) };
  } catch (error) {
    if (error instanceof OnnxError) return none;
    throw error;
  }
}
