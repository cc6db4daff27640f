import { describe, expect, it } from 'vitest';
import { emptyGraph } from '../codec/graphs.js';
import { seeded } from '../conformance/random.js';
import {
  inferShapes,
  int64,
  OnnxError,
  operatorSpec,
  type Attribute,
  type Dim,
  type Graph,
  type Model,
  type Tensor,
  type ValueType,
} from '../index.js';
import { OPERATORS_A_L } from '../specs/table-a-l.js';
import { OPERATORS_M_Z } from '../specs/table-m-z.js';
import { OPERATORS_ML } from '../specs/table-ml.js';
import { rowOf } from './table.js';

const versions = [OPERATORS_A_L, OPERATORS_M_Z, OPERATORS_ML]
  .flatMap((text) => text.trim().split('\n'))
  .map((row) => {
    const [name, since] = row.split(' ') as [string, string];
    const at = name.lastIndexOf('.');
    return { op: name.slice(at + 1), domain: at < 0 ? '' : name.slice(0, at), since: Number(since) };
  });

/** Values that no well-meaning file would have, beside some that it would. */
class Hostile {
  constructor(private readonly random: () => number) {}

  int(below: number): number {
    return Math.floor(this.random() * below);
  }

  one<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }

  list<T>(make: () => T, most = 5): T[] {
    return Array.from({ length: this.int(most + 1) }, make);
  }

  size(): number {
    return this.one([0, 1, 1, 2, 3, 4, 7, -1, 2 ** 31, 2 ** 53, -(2 ** 40)]);
  }

  dim(): Dim {
    return this.one<Dim>([1, 2, 3, 4, 0, 8, 'n', 'm', null, 2 ** 52]);
  }

  type(depth = 0): ValueType | null {
    const dtype = this.one(['float32', 'int64', 'string', 'bool', null, 'float16'] as const);
    const shape = this.random() < 0.85 ? this.list(() => this.dim()) : null;
    const kind = this.one(['tensor', 'tensor', 'tensor', 'tensor', 'sequence', 'optional', 'map', 'none'] as const);
    if (kind === 'tensor' || depth > 2) return { kind: 'tensor', dtype, shape };
    if (kind === 'map') return { kind, key: 'int64', value: { kind: 'tensor', dtype, shape } };
    if (kind === 'none') return this.one([null, { kind: 'unspecified' }, { kind: 'sparse', dtype, shape }]);
    return { kind, element: this.type(depth + 1) ?? { kind: 'unspecified' } };
  }

  constant(): Tensor {
    const values = this.list(() => this.one([0, 1, 2, 3, -1, -5, 2 ** 40, 9]));
    if (this.random() < 0.3) return { dtype: 'float32', dims: [values.length], data: Float32Array.from(values) };
    return values.length === 1 ? int64(this.one([[], [1]]), values) : int64([values.length], values);
  }

  graph(): Graph {
    const graph = emptyGraph('body');
    for (let i = 0; i < this.int(5); i++) graph.inputs.push({ name: `i${i}`, type: this.type() });
    for (let i = 0; i < this.int(5); i++)
      graph.outputs.push({ name: this.one(['i0', 'i1', 'x0', 'x1', 'no']), type: null });
    return graph;
  }

  attribute(kind: Attribute['kind'] | null): Attribute {
    const big = (): bigint => BigInt(this.size());
    const name = (): string =>
      this.one(['SAME_UPPER', 'none', 'ij,jk->ik', '...->', 'a', 'Grayscale', 'TO_INT64', '\0']);
    switch (kind ?? this.one(['int', 'ints', 'float', 'string', 'type'] as const)) {
      case 'int':
        return { kind: 'int', value: big() };
      case 'ints':
        return { kind: 'ints', value: this.list(big) };
      case 'float':
        return { kind: 'float', value: this.one([0, 1, -1, NaN, Infinity]) };
      case 'floats':
        return { kind: 'floats', value: this.list(() => this.one([0, 1, 0.5, NaN, Infinity])) };
      case 'strings':
        return { kind: 'strings', value: this.list(name) };
      case 'tensor':
        return { kind: 'tensor', value: { name: '', value: this.constant() } };
      case 'graph':
        return { kind: 'graph', value: this.graph() };
      case 'type':
        return { kind: 'type', value: this.type() ?? { kind: 'unspecified' } };
      default:
        return { kind: 'string', value: name() };
    }
  }

  model({ op, domain, since }: (typeof versions)[number]): Model {
    const graph = emptyGraph('graph');
    const spec = operatorSpec(op, since, domain)!;
    const count = this.random() < 0.8 ? spec.inputs.min + this.int(3) : this.int(9);
    const inputs = Array.from({ length: count }, (_, i) => {
      if (this.random() < 0.08) return '';
      if (this.random() < 0.35) {
        graph.initializers.set(`x${i}`, { name: `x${i}`, value: this.constant() });
      } else graph.inputs.push({ name: `x${i}`, type: this.type() });
      return `x${i}`;
    });
    const attributes = new Map<string, Attribute>();
    for (const [name, { kind, required }] of spec.attributes) {
      if (this.random() < (required ? 0.95 : 0.5))
        attributes.set(name, this.attribute(this.random() < 0.95 ? kind : null));
    }
    const outputs = Array.from({ length: 1 + this.int(4) }, (_, i) => `y${i}`);
    graph.nodes.push({ op, domain, name: '', inputs, outputs, attributes });
    for (const name of outputs) graph.outputs.push({ name, type: this.random() < 0.2 ? this.type() : null });
    return { irVersion: 10, opsets: new Map([[domain, since]]), graph, functions: [], metadata: new Map() };
  }
}

describe('the table of operators', () => {
  it('has a row for every operator of every operator set', () => {
    expect(versions.length).toBe(356);
    expect(versions.filter(({ op, domain }) => rowOf(op, domain) === null)).toEqual([]);
  });

  it('answers nodes that make no sense with a code or a type, never anything else', () => {
    const codes = new Map<string, number>();
    const seen = (code: string): void => void codes.set(code, (codes.get(code) ?? 0) + 1);
    versions.forEach((version, i) => {
      const hostile = new Hostile(seeded(i));
      for (let round = 0; round < 25; round++) {
        const model = hostile.model(version);
        try {
          inferShapes(model);
          seen('inferred');
        } catch (error) {
          if (!(error instanceof OnnxError)) throw new Error(`${version.op}-${version.since}`, { cause: error });
          seen(error.code);
        }
      }
    });
    // Neither may be so rare that the other hides it.
    expect(codes.get('shape')).toBeGreaterThan(1000);
    expect(codes.get('inferred')).toBeGreaterThan(1000);
    expect([...codes.keys()].sort()).toEqual(['attribute', 'inferred', 'shape']);
  });
});
