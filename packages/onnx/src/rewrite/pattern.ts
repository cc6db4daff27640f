/** Patterns: trees of operators that end in values. */
import { isDefaultDomain } from '../builder.js';
import { OnnxError } from '../errors.js';
import type { Dim, Node } from '../ir.js';
import type { Tensor } from '../tensor.js';
import type { GraphView } from './view.js';

export interface NodePattern {
  readonly kind: 'node';
  readonly ops: readonly string[];
  /** Patterns of the first inputs; null matches anything, also an absent input. */
  readonly inputs: readonly (Pattern | null)[];
  readonly as: string;
  readonly domain: string;
  /** The first two inputs may also stand the other way round. */
  readonly anyOrder: boolean;
}

export interface ValuePattern {
  readonly kind: 'value';
  readonly as: string;
  readonly constant: boolean;
}

/** Spellings of one thing; the first that matches is taken. */
export interface EitherPattern {
  readonly kind: 'either';
  readonly of: readonly Pattern[];
}

export type Pattern = NodePattern | ValuePattern | EitherPattern;

/**
 * A node of one of these operators (separated by `|`), whose inputs match in order. Inputs beyond those given are free.
 * @param as the name by which `check` and `rewrite` find the node
 */
export function opPattern(ops: string, inputs: readonly (Pattern | null)[] = [], as = ops, domain = ''): NodePattern {
  return { kind: 'node', ops: ops.split('|'), inputs, as, domain, anyOrder: false };
}

/** A sum, a product: a node of one of these operators, whose two inputs match in one order or the other. */
export function eitherWay(ops: string, inputs: readonly [Pattern, Pattern], as = ops): NodePattern {
  return { ...opPattern(ops, inputs, as), anyOrder: true };
}

/** One of several spellings; a name that the one taken does not bind is not bound. */
export function either(...of: readonly Pattern[]): EitherPattern {
  return { kind: 'either', of };
}

/** Any present value. A name that occurs twice must be the same value both times. */
export function valuePattern(as: string): ValuePattern {
  return { kind: 'value', as, constant: false };
}

/** A value that is known when the model is loaded. */
export function constantPattern(as: string): ValuePattern {
  return { kind: 'value', as, constant: true };
}

/** What a pattern found, by the names that the pattern gave. */
export class Match {
  private nodes = new Map<string, Node>();
  private values = new Map<string, string>();

  constructor(
    readonly root: Node,
    readonly view: GraphView,
  ) {}

  /** The matched nodes, the root among them. */
  get matched(): readonly Node[] {
    return [...this.nodes.values()];
  }

  node(as: string): Node {
    return this.nodes.get(as) ?? unknownName(as);
  }

  value(as: string): string {
    return this.values.get(as) ?? unknownName(as);
  }

  /** The tensor of a `constant` of the pattern. */
  constant(as: string): Tensor {
    return this.view.constant(this.value(as)) ?? unknownName(as);
  }

  /** The shape of a value, as far as the graph says (run `inferShapes` before). */
  shape(name: string): readonly Dim[] | null {
    const type = this.view.type(name);
    return type?.kind === 'tensor' ? type.shape : null;
  }

  /**
   * Whether the result of a matched node is read by nothing but the other matched nodes. If not, the node stays beside
   * its replacement.
   */
  isPrivate(as: string): boolean {
    const inside = new Set(this.matched);
    return this.node(as).outputs.every(
      (name) => name === '' || (!this.view.isOutput(name) && this.view.users(name).every((user) => inside.has(user))),
    );
  }

  /** Whether one node alone reads a value, which the graph does not give. */
  isPrivateValue(name: string): boolean {
    return !this.view.isOutput(name) && this.view.users(name).length === 1;
  }

  /** A matched node whose result something else reads, or the graph gives; the root may be read by all. */
  readElsewhere(): Node | undefined {
    const inside = new Set(this.matched);
    return this.matched.find(
      (node) =>
        node !== this.root &&
        node.outputs.some(
          (name) => name !== '' && (this.view.isOutput(name) || this.view.users(name).some((u) => !inside.has(u))),
        ),
    );
  }

  /** Whether the pattern bound this name: spellings differ in what they have. */
  has(as: string): boolean {
    return this.nodes.has(as) || this.values.has(as);
  }

  /** Extends the match; false when it fails, and the match is as it was before. */
  bind(pattern: Pattern, name: string): boolean {
    if (pattern.kind === 'either') return pattern.of.some((one) => this.bind(one, name));
    if (pattern.kind === 'value') {
      if (name === '' || (pattern.constant && this.view.constant(name) === null)) return false;
      const bound = this.values.get(pattern.as);
      if (bound === undefined) this.values.set(pattern.as, name);
      return bound === undefined || bound === name;
    }
    const node = this.view.producer(name);
    // Later outputs of a node (a mask, an index) are not what the pattern describes.
    return node !== null && node.outputs[0] === name && this.bindNode(pattern, node);
  }

  bindNode(pattern: NodePattern, node: Node): boolean {
    const bound = this.nodes.get(pattern.as);
    if (bound && bound !== node) return false;
    const domain = isDefaultDomain(node.domain) ? '' : node.domain;
    if (domain !== pattern.domain || !pattern.ops.includes(node.op)) return false;
    const [nodes, values] = [new Map(this.nodes), new Map(this.values)];
    const inOrder = (inputs: readonly string[]): boolean => {
      this.nodes.set(pattern.as, node);
      if (pattern.inputs.every((input, i) => input === null || this.bind(input, inputs[i] ?? ''))) return true;
      [this.nodes, this.values] = [new Map(nodes), new Map(values)];
      return false;
    };
    const [first, second, ...others] = node.inputs;
    if (inOrder(node.inputs)) return true;
    return pattern.anyOrder && second !== undefined && inOrder([second, first!, ...others]);
  }
}

function unknownName(as: string): never {
  throw new OnnxError('rewrite', `the pattern binds no ${JSON.stringify(as)}`);
}

/** The match of a pattern with `root` as its last node, or null. */
export function matchAt(pattern: NodePattern, root: Node, view: GraphView): Match | null {
  const match = new Match(root, view);
  return match.bindNode(pattern, root) ? match : null;
}
