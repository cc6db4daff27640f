/**
 * Cuts the flat vectors of a step graph at its large parameters. One vector spares a run many small inputs and outputs, but
 * costs a pass over memory to split it, one to join the gradients, and one to hand each large result over. So a parameter
 * of some size travels alone, and the small ones between two such travel together. Outside nothing changes: the pieces are
 * views of the same flat vectors.
 */
import { float32, int64, type Graph, type Model, type Node, type StoredTensor, type ValueInfo } from '@verge/onnx';
import type { Layout, Parameter } from './parameters.js';
import { addInProducts } from './momentum.js';
import { MASK, PARAMETERS } from './step-parts.js';

/** Elements [from, to) of a flat vector, as inputs and outputs of their own with this suffix to the vector's name. */
export interface Segment {
  /** What the graph sees: a matrix or vector where a parameter travels alone, else flat. */
  readonly shape: readonly number[];
  readonly suffix: string;
  readonly from: number;
  readonly to: number;
  readonly entries: readonly Parameter[];
}

/** From here on a pass over a parameter costs more than a run's input and output do (5 to 7 microseconds). */
const ALONE = 16_384;

/**
 * A parameter as its update sees it: a matrix, as products make its gradient; a vector where that would end in 1, since ONNX Runtime
 * takes a scalar to each element by itself there (440x440x1x1: 2.5 ms against 0.1).
 */
function seen({ shape, size }: Parameter): readonly number[] {
  const matrix = shape.length > 2 ? [shape[0]!, size / shape[0]!] : shape;
  return matrix.at(-1) === 1 ? [size] : matrix;
}

export function segmentsOf(layout: Layout): Segment[] {
  const groups: Parameter[][] = [];
  let together = false;
  for (const entry of layout.entries) {
    const small = entry.size < ALONE;
    if (small && together) groups.at(-1)!.push(entry);
    else groups.push([entry]);
    together = small;
  }
  return groups.map((entries, i) => {
    const [first, last] = [entries[0]!, entries.at(-1)!];
    const [from, to] = [first.offset, last.offset + last.size];
    return { suffix: `.${i}`, from, to, entries, shape: entries.length === 1 ? seen(first) : [to - from] };
  });
}

/** Operators whose elements depend on the same elements of their operands, or on scalars. */
const elementwise = new Set(
  [
    'Abs',
    'Add',
    'Cast',
    'Clip',
    'Div',
    'Equal',
    'Greater',
    'Identity',
    'Less',
    'Max',
    'Min',
    'Mul',
    'Neg',
    'Pow',
  ].concat(['Reciprocal', 'Sign', 'Sqrt', 'Sub', 'Where']),
);

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

class Cut {
  /** Flat values, by name. */
  readonly #flat: Set<string>;
  readonly #nodes: Node[] = [];
  readonly #initializers: Map<string, StoredTensor>;
  readonly #aliases = new Map<string, string>();
  readonly #makers: ReadonlyMap<string, Node>;

  constructor(
    private readonly graph: Graph,
    private readonly step: FlatStep,
    private readonly segments: readonly Segment[],
  ) {
    this.#initializers = new Map(graph.initializers);
    this.#flat = new Set([PARAMETERS, MASK, ...step.slots]);
    this.#makers = new Map(graph.nodes.flatMap((n) => n.outputs.map((o) => [o, n] as const)));
  }

  /** A constant beside a flat value, cut like it; one of another size serves all segments. */
  #cutConstant(name: string): void {
    const value = this.#initializers.get(name)?.value;
    if (!value || !('data' in value) || value.dtype !== 'float32') return;
    if (value.dims.length !== 1 || value.dims[0] !== this.step.parameters.size) return;
    this.#flat.add(name);
    for (const { suffix, from, to, shape } of this.segments) {
      const piece = float32(shape, value.data.slice(from, to));
      this.#initializers.set(name + suffix, { name: name + suffix, value: piece });
    }
  }

  /** The pieces of the parameters, from each segment's own input. */
  #split(node: Node): void {
    for (const { suffix, entries, shape } of this.segments) {
      const pieces = entries.map((e) => node.outputs[this.step.parameters.entries.indexOf(e)]!);
      const [first] = entries as readonly [Parameter];
      if (pieces.length === 1 && isSame(first.shape, shape)) this.#aliases.set(pieces[0]!, node.inputs[0]! + suffix);
      else if (pieces.length === 1) this.#reshape(node.inputs[0]! + suffix, pieces[0]!, first.shape);
      else {
        const sizes = this.#sizes(
          entries.map((e) => e.size),
          suffix,
        );
        this.#nodes.push({
          ...node,
          name: node.name + suffix,
          inputs: [node.inputs[0]! + suffix, sizes],
          outputs: pieces,
        });
      }
    }
  }

  #sizes(values: readonly number[], suffix: string): string {
    const name = `step.sizes${suffix}`;
    this.#initializers.set(name, { name, value: int64([values.length], values) });
    return name;
  }

  /** The gradient of each segment, joined where it has several parts. */
  #join(node: Node): void {
    this.#flat.add(this.step.gradient);
    for (const { suffix, entries, shape } of this.segments) {
      const parts = entries.map((e) => node.inputs[this.step.parameters.entries.indexOf(e)]!);
      const name = this.step.gradient + suffix;
      if (parts.length === 1) this.#aliases.set(name, this.#shaped(parts[0]!, name, shape));
      else this.#nodes.push({ ...node, name: node.name + suffix, inputs: parts, outputs: [name] });
    }
  }

  /** A parameter's gradient as its update sees it: what a product made, or that reshaped. */
  #shaped(part: string, name: string, shape: readonly number[]): string {
    let value = part;
    for (;;) {
      const known = this.step.shapes?.get(value);
      if (known && isSame(known, shape)) return value;
      const maker = this.#makers.get(value);
      if (maker?.op !== 'Reshape') break;
      value = maker.inputs[0]!;
    }
    const reshaped = `${name}.seen`;
    this.#reshape(value, reshaped, shape);
    return reshaped;
  }

  #reshape(from: string, to: string, shape: readonly number[]): void {
    const sizes = `step.shape.${to}`;
    this.#initializers.set(sizes, { name: sizes, value: int64([shape.length], shape) });
    this.#nodes.push({
      ...{ op: 'Reshape', domain: '', name: to },
      ...{ inputs: [from, sizes], outputs: [to], attributes: new Map() },
    });
  }

  #repeat(node: Node): void {
    node.inputs.forEach((input) => this.#cutConstant(input));
    this.#flat.add(node.outputs[0]!);
    for (const { suffix } of this.segments) {
      const inputs = node.inputs.map((i) => (this.#flat.has(i) ? i + suffix : i));
      this.#nodes.push({ ...node, name: node.name + suffix, inputs, outputs: [node.outputs[0]! + suffix] });
    }
  }

  /** @returns whether the node could be cut, or need not be */
  #take(node: Node): boolean {
    const reads = node.inputs.some((i) => this.#flat.has(i));
    if (node.op === 'Concat' && node.outputs[0] === this.step.gradient) this.#join(node);
    else if (!reads) this.#nodes.push(node);
    else if (node.op === 'Split' && node.inputs[0] === PARAMETERS) this.#split(node);
    else if (elementwise.has(node.op) && node.domain === '') this.#repeat(node);
    else return false;
    return true;
  }

  #ports(values: readonly ValueInfo[]): ValueInfo[] {
    return values.flatMap((info) => {
      if (!this.#flat.has(info.name)) return [info];
      return this.segments.map(({ suffix, shape }): ValueInfo => {
        return { name: info.name + suffix, type: { kind: 'tensor', dtype: 'float32', shape } };
      });
    });
  }

  run(): Graph | undefined {
    if (!this.graph.nodes.every((node) => this.#take(node))) return undefined;
    const named = (name: string): string => this.#aliases.get(name) ?? name;
    const read = new Set(this.#ports(this.graph.outputs).map((o) => o.name));
    // Backwards, so that what only an unread node reads is unread too: gradients that nobody flattens any more.
    const nodes = [...this.#nodes].reverse().flatMap((n) => {
      if (!n.outputs.some((o) => read.has(o))) return [];
      const inputs = n.inputs.map(named);
      inputs.forEach((i) => read.add(i));
      return [{ ...n, inputs }];
    });
    nodes.reverse();
    const initializers = new Map([...this.#initializers].filter(([name]) => read.has(name)));
    const [inputs, outputs] = [this.#ports(this.graph.inputs), this.#ports(this.graph.outputs)];
    return addInProducts({ ...this.graph, nodes, initializers, inputs, outputs });
  }
}

/** What is known of a step graph whose vectors are flat. */
export interface FlatStep {
  readonly parameters: Layout;
  /** The optimiser's vectors, by graph input. */
  readonly slots: readonly string[];
  /** The value in which the gradients of all parameters are joined. */
  readonly gradient: string;
  /** Of the values of the graph, as far as they are known. */
  readonly shapes?: ReadonlyMap<string, readonly number[]>;
}

export interface SegmentedStep {
  readonly model: Model;
  readonly segments: readonly Segment[];
}

/**
 * The same step with large parameters as inputs and outputs of their own: `step.parameters.0`, `next.step.parameters.0` and so
 * on, likewise the slots and the mask.
 * @returns undefined where nothing is gained, or where the graph reads a vector as a whole (its norm, say)
 */
export function segmentStep(step: FlatStep & { readonly model: Model }): SegmentedStep | undefined {
  const segments = segmentsOf(step.parameters);
  if (segments.length < 2) return undefined;
  const graph = new Cut(step.model.graph, step, segments).run();
  return graph && { model: { ...step.model, graph }, segments };
}
