/** In what numbers a model computes, read from the model itself: how differently other processors may round depends on it. */
import { subgraphs, type Graph, type Model, type Node, type ValueInfo } from '@verge/onnx';
import { GraphIndex } from '../graph/index-of-values.js';

/** The coarsest numbers that something in the model computes in. */
export type Arithmetic = 'int8' | 'int8-blocks' | 'float16' | 'float32';

/** Operators that make integers of activations, of ONNX and of com.microsoft. */
const QUANTISES =
  /^(QuantizeLinear|DynamicQuantize\w*|\w*Integer\w*|QLinear\w+|QGemm|QAttention|QEmbedLayerNormalization)$/;

/** Codes of FLOAT and FLOAT16 in TensorProto.DataType (onnx.proto). */
const FLOAT = 1;
const FLOAT16 = 10;
const castsTo = (node: Node, code: number): boolean => {
  const to = node.attributes.get('to');
  return node.op === 'Cast' && to?.kind === 'int' && Number(to.value) === code;
};

/** Whether something is a half, beside constants that are made floats before anything is computed with them. */
function halves(graph: Graph): boolean {
  const isHalf = (value: ValueInfo): boolean => value.type?.kind === 'tensor' && value.type.dtype === 'float16';
  if ([...graph.inputs, ...graph.outputs, ...graph.values.values()].some(isHalf)) return true;
  const stored = [...graph.initializers.values()].filter(({ value }) => value.dtype === 'float16');
  if (stored.length === 0) return false;
  const index = new GraphIndex(graph);
  return stored.some(({ name }) => {
    const readers = index.readers(name);
    return readers.length === 0 || readers.some((node) => !castsTo(node, FLOAT));
  });
}

function* everyGraph(graph: Graph): Generator<Graph> {
  yield graph;
  for (const node of graph.nodes) for (const inner of subgraphs(node)) yield* everyGraph(inner);
}

/** MatMulNBits may round its activations to int8, each block by itself, at this level (com.microsoft operators, `accuracy_level`). */
const INT8_LEVEL = 4;
const roundsInside = (node: Node): boolean => {
  const level = node.attributes.get('accuracy_level');
  return node.op === 'MatMulNBits' && level?.kind === 'int' && Number(level.value) === INT8_LEVEL;
};

/** Functions of the model count as well as its graph. */
export function arithmeticOf(model: Model): Arithmetic {
  const graphs = [...everyGraph(model.graph)];
  const nodes = [...graphs.flatMap((g) => g.nodes), ...model.functions.flatMap((f) => f.nodes)];
  if (nodes.some((node) => QUANTISES.test(node.op))) return 'int8';
  if (nodes.some(roundsInside)) return 'int8-blocks';
  return graphs.some(halves) || nodes.some((node) => castsTo(node, FLOAT16)) ? 'float16' : 'float32';
}
