/** Making attributes and reading them from nodes. */
import { attributeType } from './codec/nodes.js';
import { OnnxError } from './errors.js';
import type { Attribute, Graph, Node, StoredTensor, ValueType } from './ir.js';
import { type Tensor, wholeNumber } from './tensor.js';

export function int(value: number | bigint): Attribute {
  return { kind: 'int', value: wholeNumber(value) };
}

export function ints(values: readonly (number | bigint)[]): Attribute {
  return { kind: 'ints', value: values.map(wholeNumber) };
}

export function float(value: number): Attribute {
  return { kind: 'float', value };
}

export function floats(values: readonly number[]): Attribute {
  return { kind: 'floats', value: values };
}

export function str(value: string): Attribute {
  return { kind: 'string', value };
}

export function strs(values: readonly string[]): Attribute {
  return { kind: 'strings', value: values };
}

export function tensorAttr(value: Tensor, name = ''): Attribute {
  return { kind: 'tensor', value: { name, value } };
}

export function graphAttr(value: Graph): Attribute {
  return { kind: 'graph', value };
}

export function typeAttr(value: ValueType): Attribute {
  return { kind: 'type', value };
}

/** Inside a function body: the value of the function's attribute `name`. */
export function referenceAttr(name: string, kind: Exclude<Attribute['kind'], 'reference'>): Attribute {
  return { kind: 'reference', name, type: attributeType(kind) };
}

type Held<K extends Attribute['kind']> = Extract<Attribute, { kind: K }>;

function held<K extends Attribute['kind']>(node: Node, name: string, kind: K): Held<K> | undefined {
  const attribute = node.attributes.get(name);
  if (!attribute) return undefined;
  if (attribute.kind !== kind) {
    throw new OnnxError('attribute', `${describe(node)}: attribute ${name} is of kind ${attribute.kind}, not ${kind}`);
  }
  return attribute as Held<K>;
}

function describe(node: Node): string {
  return `${node.op} ${JSON.stringify(node.name || (node.outputs[0] ?? ''))}`;
}

function required<T>(node: Node, name: string, value: T | undefined): T {
  if (value === undefined) throw new OnnxError('attribute', `${describe(node)} lacks attribute ${name}`);
  return value;
}

/**
 * The readers below give the attribute `name` of a node, or `fallback` when it is absent. Without a fallback an absent
 * attribute is an error, as one of another kind always is (OnnxError `attribute`).
 */
export function attrInt(node: Node, name: string, fallback?: number): number {
  const attribute = held(node, name, 'int');
  return required(node, name, attribute ? Number(attribute.value) : fallback);
}

export function attrInts(node: Node, name: string, fallback?: readonly number[]): readonly number[] {
  const attribute = held(node, name, 'ints');
  return required(node, name, attribute ? attribute.value.map(Number) : fallback);
}

export function attrFloat(node: Node, name: string, fallback?: number): number {
  return required(node, name, held(node, name, 'float')?.value ?? fallback);
}

export function attrFloats(node: Node, name: string, fallback?: readonly number[]): readonly number[] {
  return required(node, name, held(node, name, 'floats')?.value ?? fallback);
}

export function attrString(node: Node, name: string, fallback?: string): string {
  const value = held(node, name, 'string')?.value;
  if (value instanceof Uint8Array)
    throw new OnnxError('attribute', `${describe(node)}: attribute ${name} is not UTF-8`);
  return required(node, name, value ?? fallback);
}

export function attrStrings(node: Node, name: string, fallback?: readonly string[]): readonly string[] {
  const value = held(node, name, 'strings')?.value.map((v) => {
    if (v instanceof Uint8Array) throw new OnnxError('attribute', `${describe(node)}: attribute ${name} is not UTF-8`);
    return v;
  });
  return required(node, name, value ?? fallback);
}

export function attrStoredTensor(node: Node, name: string): StoredTensor {
  return required(node, name, held(node, name, 'tensor')?.value);
}

/** A tensor attribute whose elements are in the file; external data is an error here. */
export function attrTensor(node: Node, name: string, fallback?: Tensor): Tensor {
  const value = held(node, name, 'tensor')?.value.value;
  if (value && 'external' in value) {
    throw new OnnxError('attribute', `${describe(node)}: attribute ${name} is stored in ${value.external.location}`);
  }
  return required(node, name, value ?? fallback);
}

export function attrGraph(node: Node, name: string): Graph {
  return required(node, name, held(node, name, 'graph')?.value);
}
