/** The inputs and outputs of a network as one run has them: samples go into some, others hold one number, one output is trained. */
import {
  type Dim,
  type Graph,
  int64,
  int,
  type Model,
  type Node,
  subgraphs,
  type Tensor,
  type ValueInfo,
} from '@verge/onnx';
import { refuse } from '../errors.js';

/** What one sample is: the main input, and others by the name of the model's input that they go to. */
export interface SampleShape {
  /** Without the batch axis. */
  readonly shape: readonly number[];
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
}

/** What is said about the ports of a model, where its file leaves it open. */
export interface PortOptions {
  /** Inputs that are the same for every sample: each element is this number. */
  readonly fixedInputs?: Readonly<Record<string, number>>;
  /** Sizes of dimensions that the file names without saying how large they are. */
  readonly dims?: Readonly<Record<string, number>>;
  /** The output that the loss reads and that is validated; the model's first when absent. */
  readonly output?: string;
}

export const inputsOf = ({ inputs, initializers }: Graph): ValueInfo[] =>
  inputs.filter((i) => !initializers.has(i.name));

const sizesOf = ({ type }: ValueInfo): readonly Dim[] | null => (type?.kind === 'tensor' ? type.shape : null);

function withSizes(info: ValueInfo, size: (d: Dim, axis: number) => Dim): ValueInfo {
  if (info.type?.kind !== 'tensor' || !info.type.shape) return info;
  return { ...info, type: { ...info.type, shape: info.type.shape.map(size) } };
}

/** The input that samples' `x` goes to: the first that is none of the others. */
export function mainInput(graph: Graph, others: Readonly<Record<string, unknown>> = {}): ValueInfo | undefined {
  return inputsOf(graph).find((i) => !Object.hasOwn(others, i.name));
}

/** `int64 [batch, 16]`, for a message. */
function described({ type }: ValueInfo): string {
  if (type?.kind !== 'tensor') return 'no tensor';
  const shape = type.shape?.map((d) => d ?? '?').join(', ') ?? '...';
  return `${type.dtype ?? 'unknown'} [${shape}]`;
}

const FLOATS: readonly (string | null)[] = ['float32', 'float64', 'float16', 'bfloat16', null];

/**
 * The output that is trained: the one of that name, or the first whose declared elements are floats, as far as any is declared so. Classifiers
 * of other tools give their labels first, which nothing can be learned from.
 */
export function trainedOutput({ outputs }: Graph, name?: string): ValueInfo | undefined {
  if (name !== undefined) return outputs.find((o) => o.name === name);
  const floats = ({ type }: ValueInfo): boolean =>
    type === null || (type.kind === 'tensor' && FLOATS.includes(type.dtype));
  return outputs.find(floats) ?? outputs[0];
}

/** The batch axis of a fixed input, where its only open size is one without a name. */
const isBatch = (open: readonly Dim[]): boolean => open.length === 1 && open[0] === null;

/** What is decided of ports that the options leave open, in words. */
export function assumedPorts(
  { graph }: Model,
  { inputs: others = {} }: SampleShape,
  options: PortOptions = {},
): string[] {
  const { fixedInputs = {}, output } = options;
  const assumed: string[] = [];
  const trained = trainedOutput(graph, output);
  if (output === undefined && graph.outputs.length > 1 && trained)
    assumed.push(`of ${graph.outputs.length} outputs '${trained.name}' is trained (${described(trained)})`);
  const batch = sizesOf(mainInput(graph, { ...fixedInputs, ...others })!)?.[0];
  for (const info of inputsOf(graph)) {
    if (!Object.hasOwn(fixedInputs, info.name)) continue;
    if (isBatch(openSizes(info, batch)) && sizesOf(info)?.[0] !== null)
      assumed.push(`the open size of '${info.name}' (${described(info)}) is taken for the batch`);
  }
  return assumed;
}

/** Sizes that are neither stated nor those of the batch. */
function openSizes(info: ValueInfo, batch: Dim | undefined): Dim[] {
  return (sizesOf(info) ?? []).filter((d) => !isStated(d) && (d === null || d !== batch));
}

/** What is wrong with the names, all of it. */
function problemsOf(model: Model, sample: SampleShape, options: PortOptions): string[] {
  const { graph } = model;
  const { fixedInputs = {}, dims = {}, output } = options;
  const { inputs: others = {} } = sample;
  const inputs = inputsOf(graph);
  const problems: string[] = [];
  if (graph.outputs.length === 0) problems.push('it has no output');
  const has = inputs.map((i) => i.name).join(', ');
  for (const [what, names] of Object.entries({ fixedInputs, 'the samples': others }))
    for (const name of Object.keys(names))
      if (!inputs.some((i) => i.name === name))
        problems.push(`${what}: the model has no input '${name}', it has ${has}`);
  for (const name of Object.keys(fixedInputs))
    if (Object.hasOwn(others, name)) problems.push(`fixedInputs: the samples bring '${name}'`);
  const [main, ...missing] = inputs.filter(
    (i) => !Object.hasOwn(fixedInputs, i.name) && !Object.hasOwn(others, i.name),
  );
  if (!main) problems.push('no input is left for the samples themselves');
  for (const input of missing)
    problems.push(
      `the model also reads '${input.name}' (${described(input)}): bring it with the samples, or give a number for it in fixedInputs`,
    );
  for (const [name, size] of Object.entries(dims)) {
    if (!Number.isInteger(size) || size < 1) problems.push(`dims.${name}: expected a whole number from 1, not ${size}`);
    if (!inputs.some((i) => sizesOf(i)?.includes(name))) problems.push(`dims: no input has a dimension '${name}'`);
  }
  if (output !== undefined && !graph.outputs.some((o) => o.name === output))
    problems.push(`output: the model has no output '${output}', it has ${graph.outputs.map((o) => o.name).join(', ')}`);
  return problems;
}

/** The nodes that make `wanted`, and what they read. */
export function nodesFor(graph: Graph, wanted: Iterable<string>): readonly Node[] {
  const needed = new Set(wanted);
  const readBy = (inner: Graph): void => {
    for (const node of inner.nodes) {
      node.inputs.forEach((name) => needed.add(name));
      subgraphs(node).forEach(readBy);
    }
    inner.outputs.forEach((o) => needed.add(o.name));
  };
  const kept = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((o) => o !== '' && needed.has(o))) return false;
    node.inputs.forEach((name) => needed.add(name));
    subgraphs(node).forEach(readBy);
    return true;
  });
  return kept.toReversed();
}

/** One element of an input's type. */
function element(dtype: string | null | undefined, value: number): Tensor | undefined {
  const dims = [1];
  if (dtype === 'float32') return { dtype, dims, data: Float32Array.of(value) };
  if (dtype === 'int64') return Number.isInteger(value) ? int64(dims, [value]) : undefined;
  if (dtype === 'int32') return Number.isInteger(value) ? { dtype, dims, data: Int32Array.of(value) } : undefined;
  if (dtype === 'bool') return value === 0 || value === 1 ? { dtype, dims, data: Uint8Array.of(value) } : undefined;
  return undefined;
}

interface Filled {
  readonly nodes: readonly Node[];
  readonly constants: readonly (readonly [string, Tensor])[];
  readonly problem?: string;
}

const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = new Map()): Node => {
  return { op, domain: '', name: output, inputs, outputs: [output], attributes };
};

/**
 * Nodes that make a value of an input's shape of one number (ConstantOfShape, ONNX operators). An axis that is called as the
 * batch of the main input is as long as that.
 */
function filled(info: ValueInfo, value: number, main: ValueInfo, taken: ReadonlySet<string>): Filled {
  const shape = sizesOf(info);
  const nothing = { nodes: [], constants: [] };
  const content = info.type?.kind === 'tensor' ? element(info.type.dtype, value) : undefined;
  if (!shape || !content)
    return { ...nothing, problem: `fixedInputs.${info.name}: ${value} does not fit ${described(info)}` };
  const batch = sizesOf(main)?.[0];
  const open = openSizes(info, batch);
  if (open.length > 0 && !isBatch(open))
    return { ...nothing, problem: `fixedInputs.${info.name}: the size of ${described(info)} is open; name it in dims` };
  const fresh = (stem: string): string => {
    let name = `${info.name}.${stem}`;
    while (taken.has(name)) name = `${name}_`;
    return name;
  };
  const [sizes, rows, from, to] = ['sizes', 'rows', 'from', 'to'].map(fresh) as [string, string, string, string];
  const one = (name: string, n: number): readonly [string, Tensor] => [name, int64([1], [n])];
  const attributes: Node['attributes'] = new Map([['value', { kind: 'tensor', value: { name: '', value: content } }]]);
  const fill = node('ConstantOfShape', [sizes], info.name, attributes);
  if (shape.every(isStated)) return { nodes: [fill], constants: [[sizes, int64([shape.length], [...shape])]] };
  const parts = shape.map((d, i) => (isStated(d) ? one(fresh(`size.${i}`), d) : undefined));
  const dims = fresh('dims');
  return {
    nodes: [
      node('Shape', [main.name], dims),
      node('Slice', [dims, from, to], rows),
      node(
        'Concat',
        parts.map((part) => part?.[0] ?? rows),
        sizes,
        new Map([['axis', int(0)]]),
      ),
      fill,
    ],
    constants: [...parts.filter((p) => p !== undefined), one(from, 0), one(to, 1)],
  };
}

/**
 * The model with the ports of a run: the main input first and the samples' others behind it, batch first, their sizes filled
 * in from the samples; inputs that hold one number as nodes; the trained output first, without what only other outputs need.
 * @param alsoRead values inside the model that the loss reads
 * @throws TrainingError `bad-options` naming every port that does not fit
 */
export function bindPorts(
  model: Model,
  sample: SampleShape,
  options: PortOptions = {},
  alsoRead: readonly string[] = [],
): Model {
  const { graph } = model;
  const problems = problemsOf(model, sample, options);
  refuse('bad-options', 'the inputs and outputs of the model', problems);
  const { fixedInputs = {}, dims = {}, output } = options;
  const { inputs: others = {} } = sample;
  const sized = new Map(
    inputsOf(graph).map((i) => [i.name, withSizes(i, (d) => (typeof d === 'string' ? (dims[d] ?? d) : d))]),
  );
  const main = mainInput(graph, { ...fixedInputs, ...others })!;
  const inputs = [
    withSample(sized.get(main.name)!, sample.shape),
    ...Object.entries(others).map(([name, shape]) => withSample(sized.get(name)!, shape)),
  ];
  const taken = new Set([...graph.initializers.keys(), ...graph.nodes.flatMap((n) => n.outputs)]);
  const fillings = Object.entries(fixedInputs).map(([name, value]) =>
    filled(sized.get(name)!, value, sized.get(main.name)!, taken),
  );
  refuse(
    'bad-options',
    'the inputs of the model',
    fillings.flatMap((f) => f.problem ?? []),
  );
  const initializers = new Map(graph.initializers);
  for (const [name, value] of fillings.flatMap((f) => f.constants)) initializers.set(name, { name, value });
  const trained = trainedOutput(graph, output)!;
  const read = graph.outputs.filter((o) => o !== trained && alsoRead.includes(o.name));
  const whole = { ...graph, nodes: [...fillings.flatMap((f) => f.nodes), ...graph.nodes] };
  const nodes = graph.outputs.length > 1 ? [...nodesFor(whole, [trained.name, ...alsoRead])] : whole.nodes;
  // Defaults of inputs stay declared: they are constants to a training.
  const defaults = graph.inputs.filter((i) => graph.initializers.has(i.name));
  return {
    ...model,
    graph: { ...graph, inputs: [...inputs, ...defaults], outputs: [trained, ...read], nodes, initializers },
  };
}

/** Some exporters write -1 for a size that is open. */
const isStated = (d: Dim): d is number => typeof d === 'number' && d >= 0;

/** An input whose open sizes are those of one sample; the batch stays open, and sizes that the file states stay as they are. */
export function withSample(input: ValueInfo, sample: readonly number[]): ValueInfo {
  if (input.type?.kind !== 'tensor') return input;
  const declared = input.type.shape ?? ['batch', ...sample.map(() => null)];
  if (declared.length !== sample.length + 1) return input;
  if (input.type.shape && declared.slice(1).every(isStated)) return input;
  const shape = declared.map((d, i) => (i === 0 || isStated(d) ? d : sample[i - 1]!));
  return { ...input, type: { ...input.type, shape } };
}
