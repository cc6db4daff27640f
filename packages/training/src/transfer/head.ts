/** Another number of classes for a trained classifier. */
import {
  attrInt,
  elementCount,
  float32,
  inferShapes,
  int64,
  OnnxError,
  valueTypes,
  type Dim,
  type Graph,
  type Model,
  type Node,
  type StoredTensor,
  type ValueInfo,
} from '@verge/onnx';
import { TrainingError } from '../errors.js';
import { someOf } from '../patterns.js';
import { constantValues } from '../candidates.js';
import { liftConstants } from './constants.js';
import { separateParameters } from './form.js';
import { initialValues } from './initial.js';
import { trainedOutput } from './ports.js';

export interface HeadOptions {
  readonly classes: number;
  /** Name or output of the layer (Conv, ConvTranspose, Gemm, MatMul) whose outputs are the classes; the last on the way to the output. */
  readonly node?: string;
  /** The output of the model that gives the classes; the first of floats when absent. */
  readonly output?: string;
  readonly seed?: number;
}

export interface ReplacedHead {
  readonly model: Model;
  /** Names of the new layer's parameters; everything else is as it was. */
  readonly parameters: readonly string[];
}

/** Operators behind a classifier that keep one value for each class. */
const behind = new Set([
  'Add',
  'AveragePool',
  'BatchNormalization',
  'Cast',
  'Concat',
  'Div',
  'Dropout',
  'Flatten',
  'GlobalAveragePool',
  'Identity',
  'LogSoftmax',
  'Mul',
  'ReduceMean',
  'Relu',
  'Reshape',
  'Resize',
  'Sigmoid',
  'Softmax',
  'Squeeze',
  'Sub',
  'Transpose',
  'Unsqueeze',
]);

/** Operators of two operands, one of which must be constant. */
const ARITHMETIC: ReadonlySet<string> = new Set(['Add', 'Div', 'Mul', 'Sub']);

const layers = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

const LAYERS = 'Conv, ConvTranspose, Gemm or MatMul';

const labelled = (node: Node): string => `'${node.name || node.outputs[0]}' (${node.op})`;

const refusal = (why: string): TrainingError => new TrainingError('bad-model', `the head cannot be replaced: ${why}`);

/** The axis of a layer's weight that counts its outputs. */
function outputAxis(node: Node, dims: readonly number[]): number {
  if (node.op === 'Conv') return 0;
  if (node.op === 'ConvTranspose') return 1;
  return node.op === 'Gemm' && attrInt(node, 'transB', 0) === 1 ? 0 : dims.length - 1;
}

interface Found {
  /** Several where a Concat joins what they give for different places, as a detector's scales. */
  readonly layers: readonly Node[];
  /** The nodes from the layers to the output. */
  readonly path: readonly Node[];
}

/** Walks back from the output to the classifier, on every way into a Concat. */
function findHead(graph: Graph, wanted: string | undefined, output: string): Found {
  const makers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  const isLayer = (n: Node): boolean => layers.has(n.op) && graph.initializers.has(n.inputs[1] ?? '');
  if (wanted !== undefined && !graph.nodes.some((n) => n.name === wanted || n.outputs.includes(wanted))) {
    throw refusal(
      `no node is called '${wanted}'; the layers are ${someOf(graph.nodes.filter(isLayer).map((n) => n.name))}`,
    );
  }
  const constant = constantValues(graph);
  const found = new Set<Node>();
  const path = new Set<Node>();
  const ways = [output];
  for (let value = ways.pop(); value !== undefined; value = ways.pop()) {
    const node = makers.get(value);
    const named = wanted === undefined || node?.name === wanted || node?.outputs.includes(wanted);
    if (!node)
      throw refusal(wanted === undefined ? `no ${LAYERS} leads to the output` : `no layer '${wanted}' leads to it`);
    if (isLayer(node) && named) {
      found.add(node);
      continue;
    }
    if (!behind.has(node.op))
      throw refusal(`${labelled(node)} stands between the output and ${wanted ? `'${wanted}'` : `a ${LAYERS}`}`);
    if (path.has(node)) continue;
    path.add(node);
    const data = node.op === 'Concat' ? node.inputs : node.inputs.slice(0, ARITHMETIC.has(node.op) ? 2 : 1);
    const from = data.filter((i) => !constant.has(i));
    if (from.length > 1 && node.op !== 'Concat') throw refusal(`${labelled(node)} joins two branches`);
    ways.push(...(from.length > 0 ? from : ['']));
  }
  return { layers: [...found], path: [...path] };
}

/** What a classifier's layers are joined along must not be their classes: how many of each should there be? */
function refuseJoinedClasses(path: readonly Node[], before: Model, after: Model): void {
  const shapes = [before, after].map(({ graph }) => {
    const types = valueTypes(graph);
    return (name: string): readonly Dim[] => {
      const type = types.get(name);
      return type?.kind === 'tensor' ? (type.shape ?? []) : [];
    };
  });
  for (const node of path) {
    if (node.op !== 'Concat') continue;
    const [old, now] = shapes.map((shape) => shape(node.outputs[0]!)) as [readonly Dim[], readonly Dim[]];
    const axis = attrInt(node, 'axis', 1);
    const at = axis < 0 ? axis + old.length : axis;
    if (old[at] !== now[at]) throw refusal(`${labelled(node)} joins classes with other values`);
  }
}

/** A constant with `classes` in place of the old number of outputs. */
class Resizer {
  readonly changed = new Map<string, StoredTensor>();
  readonly parameters: string[] = [];

  constructor(
    private readonly graph: Graph,
    private readonly classes: number,
    private readonly seed: number,
  ) {}

  #alone(name: string): StoredTensor {
    const readers = this.graph.nodes.filter((n) => n.inputs.includes(name));
    if (readers.length > 1) throw refusal(`constant '${name}' is read by ${readers.length} nodes`);
    return this.graph.initializers.get(name)!;
  }

  /** New values for a parameter whose `axis` counts the outputs. */
  parameter(node: Node, name: string, role: 'weight' | 'bias' | 'scale', axis: number): void {
    const stored = this.#alone(name);
    const dims = stored.value.dims.map((d, i) => (i === axis ? this.classes : d));
    this.changed.set(name, { ...stored, value: float32(dims, initialValues(node, name, role, dims, this.seed)) });
    this.parameters.push(name);
  }

  /** New weights and a new bias. @returns how many outputs the layer had */
  layer(layer: Node): number {
    if (attrInt(layer, 'group', 1) !== 1) throw refusal(`${labelled(layer)} is a grouped convolution`);
    const [, weight, bias] = layer.inputs as [string, string, string?];
    const { dims } = this.graph.initializers.get(weight)!.value;
    const axis = outputAxis(layer, dims);
    this.parameter(layer, weight, 'weight', axis);
    const shift = bias ? this.graph.initializers.get(bias) : undefined;
    if (bias && shift) this.parameter(layer, bias, 'bias', shift.value.dims.length - 1);
    return dims[axis]!;
  }

  /** Scale, shift, mean and variance of a normalisation of the old classes, all as new ones have them. */
  #normalisation(node: Node, old: number): void {
    const fresh = [1, 0, 0, 1];
    node.inputs.slice(1, 5).forEach((name, i) => {
      if (this.graph.initializers.get(name)?.value.dims[0] !== old)
        throw refusal(`${labelled(node)} does not normalise ${old} classes`);
      this.changed.set(name, {
        ...this.#alone(name),
        value: float32([this.classes], new Float32Array(this.classes).fill(fresh[i]!)),
      });
      if (i < 2) this.parameters.push(name);
    });
  }

  /** A bias of the old classes behind the layer, or a shape that names their number. */
  follow(node: Node, old: number): void {
    if (node.op === 'BatchNormalization') return this.#normalisation(node, old);
    for (const name of node.inputs) {
      const value = this.graph.initializers.get(name)?.value;
      if (!value || !('data' in value)) continue;
      if (ARITHMETIC.has(node.op)) {
        const axis = value.dims.findLastIndex((d) => d === old);
        const role = node.op === 'Mul' || node.op === 'Div' ? 'scale' : 'bias';
        if (old > 1 && axis >= 0 && elementCount(value.dims) === old) this.parameter(node, name, role, axis);
      } else if ((node.op === 'Reshape' || node.op === 'Resize') && value.dtype === 'int64') {
        const shape = Array.from(value.data, Number);
        if (!shape.includes(old)) continue;
        const resized = shape.map((d) => (d === old ? this.classes : d));
        this.changed.set(name, { ...this.#alone(name), value: int64(value.dims, resized) });
      }
    }
  }
}

function resizedOutput(output: ValueInfo, old: number, classes: number): ValueInfo {
  if (output.type?.kind !== 'tensor' || !output.type.shape) return output;
  return { ...output, type: { ...output.type, shape: output.type.shape.map((d) => (d === old ? classes : d)) } };
}

/**
 * The model with a new last layer for other classes: Glorot's uniform weights and a bias of 0. Softmax, pooling, reshaping
 * and the like behind it stay.
 * @throws TrainingError `bad-options` for less than one class, `bad-model` saying why there is no such layer, or what is
 *   in the way
 */
export function replaceHead(given: Model, options: HeadOptions): ReplacedHead {
  const { model } = separateParameters({ ...given, graph: liftConstants(given.graph, ['int64']) });
  const { classes, seed = 1 } = options;
  if (!Number.isInteger(classes) || classes < 1) {
    throw new TrainingError('bad-options', `classes: expected a whole number from 1, not ${classes}`);
  }
  const { graph } = model;
  const output = options.output ?? trainedOutput(graph)?.name ?? '';
  if (options.output !== undefined && !graph.outputs.some((o) => o.name === output))
    throw refusal(`the model has no output '${output}', it has ${someOf(graph.outputs.map((o) => o.name))}`);
  const { layers: heads, path } = findHead(graph, options.node, output);
  const resizer = new Resizer(graph, classes, seed);
  const old = resizer.layer(heads[0]!);
  for (const other of heads.slice(1))
    if (resizer.layer(other) !== old)
      throw refusal(`${heads.map(labelled).join(' and ')} are joined and have different numbers of outputs`);
  for (const node of path) resizer.follow(node, old);
  const resized: Model = {
    ...model,
    graph: {
      ...graph,
      initializers: new Map([...graph.initializers, ...resizer.changed]),
      outputs: graph.outputs.map((o) => (o.name === output ? resizedOutput(o, old, classes) : o)),
      values: new Map(),
    },
  };
  try {
    const changed = inferShapes(resized, { fresh: true });
    refuseJoinedClasses(path, inferShapes(model, { fresh: true }), changed);
  } catch (cause) {
    if (!(cause instanceof OnnxError)) throw cause;
    throw new TrainingError('bad-model', `the head cannot be replaced: ${cause.message}`, { cause });
  }
  return { model: resized, parameters: resizer.parameters };
}
