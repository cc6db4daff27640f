/** The table's form: what changes where an operator got a new version. */
import type { Attribute, Node } from '../ir.js';
import { changed, Inexpressible, listOf, trimmed, type Scope } from './scope.js';

/** A node said in the other version; it may take several. @throws Inexpressible when it cannot be said */
export type Adapter = (node: Node, scope: Scope) => Node | Node[];

export interface Step {
  /** The version of the operator set that changed the operator. */
  readonly at: number;
  /** From the version before to this one; absent where every node means the same. */
  readonly up?: Adapter;
  /** From this version to the one before. */
  readonly down?: Adapter;
}

const spell = (attribute: Attribute): string =>
  'value' in attribute && ['int', 'float', 'string'].includes(attribute.kind)
    ? String(attribute.value)
    : attribute.kind;

/** Attributes that the version before does not have: they go where they say what it does anyway. */
export function dropping(defaults: Readonly<Record<string, number | string>>): Adapter {
  return (node) => {
    for (const [name, value] of Object.entries(defaults)) {
      const found = node.attributes.get(name);
      if (!found) continue;
      // Types and lists that are equal element by element to the default count as it.
      const same =
        found.kind === 'ints' ? found.value.every((v) => Number(v) === value) : spell(found) === String(value);
      if (!same) throw new Inexpressible(`${name} is ${found.kind === 'ints' ? found.value.join(', ') : spell(found)}`);
    }
    return changed(node, { drop: Object.keys(defaults) });
  };
}

/** An attribute of integers that became input `index`. */
export function listToInput(attribute: string, index: number): Adapter {
  return (node, scope) => {
    const values = listOf(node, attribute);
    if (!values) return node;
    const inputs = [...node.inputs];
    while (inputs.length < index) inputs.push('');
    inputs[index] = scope.integers(values, `${node.outputs[0]!}.${attribute}`);
    return changed(node, { drop: [attribute], inputs });
  };
}

/** Input `index`, a constant, as the attribute that it was. */
export function inputToList(attribute: string, index: number): Adapter {
  return (node, scope) => {
    if (!node.inputs[index]) return node;
    const values = scope.needIntegers(node, index, attribute);
    const inputs = trimmed(node.inputs.map((name, i) => (i === index ? '' : name)));
    return changed(node, { inputs, set: { [attribute]: { kind: 'ints', value: values.map(BigInt) } } });
  };
}

/** One adapter after the other, on every node that the first makes. */
export function both(first: Adapter, second: Adapter): Adapter {
  return (node, scope) => [first(node, scope)].flat().flatMap((one) => (one.op === node.op ? second(one, scope) : one));
}

export const refuse =
  (reason: string): Adapter =>
  () => {
    throw new Inexpressible(reason);
  };
