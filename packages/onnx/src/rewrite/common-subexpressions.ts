/** What is computed or stored twice, once. */
import { isDefaultDomain } from '../builder.js';
import { rawBytes } from '../datatypes.js';
import type { Attribute, Model, Node, StoredTensor } from '../ir.js';
import { eliminateDeadCode, renameReads, resolve } from './edit.js';
import { isPure } from './pure.js';

const COMMUTATIVE: ReadonlySet<string> = new Set([
  'Add',
  'Mul',
  'And',
  'Or',
  'Xor',
  'Equal',
  'BitwiseAnd',
  'BitwiseOr',
]);

/** Larger tensors as attributes are stored constants, which folding has made initializers. */
const MOST_ELEMENTS = 64;

/** An attribute as text, the same for the same value; null for what is not compared. */
function textOf(a: Attribute): string | null {
  switch (a.kind) {
    case 'int':
    case 'ints':
    case 'string':
    case 'strings':
      return `${a.kind} ${JSON.stringify(a.value, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))}`;
    // Bits, since JSON has no -0, infinity and NaN.
    case 'float':
      return `float ${new Uint32Array(Float32Array.of(a.value).buffer).join()}`;
    case 'floats':
      return `floats ${new Uint32Array(Float32Array.from(a.value).buffer).join()}`;
    case 'tensor': {
      const { value } = a.value;
      if ('external' in value || value.dtype === 'string' || value.data.length > MOST_ELEMENTS) return null;
      return `tensor ${value.dtype} ${value.dims.join()} ${rawBytes(value).join()}`;
    }
    default:
      return null;
  }
}

/** The same for nodes that give the same results; null for nodes that are not compared. */
function keyOf(node: Node, inputs: readonly string[]): string | null {
  if (!isPure(node) || node.op === 'Constant') return null;
  const attributes: string[] = [];
  for (const [name, attribute] of node.attributes) {
    const text = textOf(attribute);
    if (text === null) return null;
    attributes.push(`${name} ${text}`);
  }
  const domain = isDefaultDomain(node.domain) ? '' : node.domain;
  const read = COMMUTATIVE.has(node.op) && isDefaultDomain(node.domain) ? [...inputs].sort() : inputs;
  return JSON.stringify([domain, node.op, read, node.outputs.map((name) => name !== ''), attributes.sort()]);
}

function renamed(model: Model, nodes: readonly Node[], names: ReadonlyMap<string, string>): Model {
  const quantization = model.graph.quantization?.map(({ tensor, parameters, ...rest }) => ({
    ...rest,
    ...(tensor !== undefined && { tensor: resolve(names, tensor) }),
    parameters: new Map([...parameters].map(([key, name]) => [key, resolve(names, name)])),
  }));
  return eliminateDeadCode({
    ...model,
    graph: {
      ...model.graph,
      nodes: nodes.map((node) => renameReads(node, names)),
      ...(quantization && { quantization }),
    },
  });
}

/**
 * Nodes of equal operator, attributes and inputs, once. Nodes with subgraphs and those that draw random numbers stay;
 * so does one that names a graph output.
 * @returns the model and how many nodes are gone
 */
export function eliminateCommonSubexpressions(model: Model): { model: Model; removed: number } {
  const outputs = new Set(model.graph.outputs.map((o) => o.name));
  const first = new Map<string, Node>();
  const names = new Map<string, string>();
  const kept: Node[] = [];
  for (const node of model.graph.nodes) {
    const inputs = node.inputs.map((name) => resolve(names, name));
    const key = keyOf(node, inputs);
    const same = key === null ? undefined : first.get(key);
    if (same && !node.outputs.some((name) => outputs.has(name))) {
      node.outputs.forEach((name, i) => name !== '' && names.set(name, same.outputs[i]!));
      continue;
    }
    if (key !== null && !same) first.set(key, node);
    kept.push(node);
  }
  if (names.size === 0) return { model, removed: 0 };
  return { model: renamed(model, kept, names), removed: model.graph.nodes.length - kept.length };
}

type Words = Uint8Array | Uint32Array;

/** Four bytes at a time where the memory allows it: weights are large. */
function wordsOf(bytes: Uint8Array): Words {
  const aligned = bytes.byteOffset % 4 === 0 && bytes.byteLength % 4 === 0;
  return aligned ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4) : bytes;
}

/** FNV-1a, by words; equal hashes are compared in full. */
function hash(words: Words): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) h = Math.imul(h ^ words[i]!, 0x01000193);
  return h >>> 0;
}

function sameWords(a: Words, b: Words): boolean {
  if (a.length !== b.length || a.BYTES_PER_ELEMENT !== b.BYTES_PER_ELEMENT) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Initializers of the same type, shape and bytes, once. Defaults of inputs, strings and external data stay.
 * @param spare initializers that stay as well
 */
export function mergeDuplicateConstants(
  model: Model,
  spare: (stored: StoredTensor) => boolean = () => false,
): { model: Model; removed: number } {
  const inputs = new Set(model.graph.inputs.map((i) => i.name));
  const outputs = new Set(model.graph.outputs.map((o) => o.name));
  const seen = new Map<string, { name: string; words: Words }[]>();
  const names = new Map<string, string>();
  const sizes = new Map<string, number>();
  const candidates = [...model.graph.initializers.values()].filter((stored) => {
    const { name, value, segment } = stored;
    if ('external' in value || value.dtype === 'string' || segment) return false;
    return !inputs.has(name) && !outputs.has(name) && !spare(stored);
  });
  const shapeOf = ({ value }: StoredTensor): string => `${value.dtype} ${value.dims.join()}`;
  for (const stored of candidates) sizes.set(shapeOf(stored), (sizes.get(shapeOf(stored)) ?? 0) + 1);
  for (const stored of candidates) {
    // Most large tensors are the only ones of their shape: nothing to compare.
    if ('external' in stored.value || sizes.get(shapeOf(stored)) === 1) continue;
    const words = wordsOf(rawBytes(stored.value));
    const key = `${shapeOf(stored)} ${hash(words)}`;
    const list = seen.get(key) ?? [];
    const same = list.find((other) => sameWords(other.words, words));
    if (same) names.set(stored.name, same.name);
    else seen.set(key, [...list, { name: stored.name, words }]);
  }
  if (names.size === 0) return { model, removed: 0 };
  return { model: renamed(model, model.graph.nodes, names), removed: names.size };
}
