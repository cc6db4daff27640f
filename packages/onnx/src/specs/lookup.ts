/** Looking up operator signatures. */
import type { Attribute } from '../ir.js';
import { isDefaultDomain } from '../builder.js';
import { OPERATORS_A_L } from './table-a-l.js';
import { OPERATORS_M_Z } from './table-m-z.js';
import { OPERATORS_ML } from './table-ml.js';
import { OPERATORS_RUNTIME } from './table-runtime.js';

export interface Arity {
  readonly min: number;
  /** Infinity when variadic. */
  readonly max: number;
}

export interface OperatorSpec {
  readonly op: string;
  /** The operator-set version that introduced this signature. */
  readonly since: number;
  readonly deprecated: boolean;
  readonly inputs: Arity;
  readonly outputs: Arity;
  readonly attributes: ReadonlyMap<string, { readonly kind: Attribute['kind']; readonly required: boolean }>;
}

/** The newest operator set of the default domain that the tables know. */
export const NEWEST_OPSET = 27;

const KINDS: Readonly<Record<string, Attribute['kind']>> = {
  i: 'int',
  f: 'float',
  s: 'string',
  t: 'tensor',
  g: 'graph',
  x: 'sparse',
  p: 'type',
  I: 'ints',
  F: 'floats',
  S: 'strings',
  T: 'tensors',
  G: 'graphs',
  X: 'sparses',
  P: 'types',
};

function arity(text: string): Arity {
  const [min, max] = text.split(':');
  return { min: Number(min), max: max === '*' ? Infinity : Number(max) };
}

function parseRow(row: string): OperatorSpec {
  const [op, since, inputs, outputs, ...attributes] = row.split(' ');
  const deprecated = inputs === 'deprecated';
  return {
    op: op!,
    since: Number(since),
    deprecated,
    inputs: deprecated ? { min: 0, max: Infinity } : arity(inputs!),
    outputs: deprecated ? { min: 0, max: Infinity } : arity(outputs!),
    attributes: new Map(
      attributes.map((text) => {
        const [name, letter] = text.split('=');
        const required = name!.endsWith('!');
        return [required ? name!.slice(0, -1) : name!, { kind: KINDS[letter!]!, required }];
      }),
    ),
  };
}

let parsed: Map<string, OperatorSpec[]> | null = null;

function table(): Map<string, OperatorSpec[]> {
  if (parsed) return parsed;
  parsed = new Map();
  for (const text of [OPERATORS_RUNTIME, OPERATORS_A_L, OPERATORS_M_Z, OPERATORS_ML]) {
    for (const row of text.trim().split('\n')) {
      const spec = parseRow(row);
      const versions = parsed.get(spec.op) ?? [];
      versions.push(spec);
      parsed.set(spec.op, versions);
    }
  }
  return parsed;
}

/** The signature of an operator at an operator-set version, or null when that set has no such operator. */
export function operatorSpec(op: string, opset: number, domain = ''): OperatorSpec | null {
  const key = isDefaultDomain(domain) ? op : `${domain}.${op}`;
  return (
    table()
      .get(key)
      ?.findLast((spec) => spec.since <= opset) ?? null
  );
}

/** Whether the tables cover this domain. */
export function isSpecifiedDomain(domain: string): boolean {
  return isDefaultDomain(domain) || domain === 'ai.onnx.ml' || domain === 'ai.onnx.preview.training';
}
