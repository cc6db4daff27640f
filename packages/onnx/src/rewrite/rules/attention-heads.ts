/** The heads that attention multiplies: which columns of which projection they are. */
import { attrInt, attrInts } from '../../attributes.js';
import type { Dim, Node } from '../../ir.js';
import type { GraphView } from '../view.js';
import { scalarOf, shapeOf, wholeNumbers } from './constants.js';

/** Columns of a value whose last axis is wider, seen as [batch, length, heads, size], or with the length first. */
export interface Heads {
  /** [batch, length, width] or [batch * length, width]; [length, batch, width] and so on where the length comes first. */
  readonly source: string;
  readonly width: number;
  /** The first column. */
  readonly offset: number;
  readonly heads: number;
  readonly size: number;
  /** Whether size comes before length in the value, as keys have it. */
  readonly turned: boolean;
  readonly lengthFirst: boolean;
  /** What the elements are multiplied with. */
  readonly scale: number;
  /** How a Reshape says batch and length, in their order: the first two numbers of its shape. */
  readonly rows: readonly [number, number];
  /** The nodes between source and value. */
  readonly path: readonly Node[];
}

type Place = Omit<Heads, 'scale' | 'turned' | 'lengthFirst'>;

const plain = <T extends string>(node: Node | null, op: T): node is Node & { readonly op: T } =>
  node?.op === op && node.domain === '';

interface Columns {
  readonly source: string;
  /** The first column. */
  readonly offset: number;
  readonly path: readonly Node[];
}

/** A part of a value along its last axis, by Split or as one of parts that were put in front; the value itself where nothing cuts it. */
function columnsOf(view: GraphView, name: string): Columns {
  const whole = { source: name, offset: 0, path: [] };
  const part = partOf(view, name);
  const packed = part ? view.producer(part.of) : null;
  if (part && plain(packed, 'Transpose') && attrInts(packed, 'perm', []).join() === '2,0,1,3') {
    const found = viewed(view, packed.inputs[0]!, 4);
    if (!found) return whole;
    const { source, offset, path } = found.place;
    return { source, offset: offset + part.index * found.place.size, path: [...part.path, packed, ...path] };
  }
  const split = view.producer(name);
  const rank = shapeOf(view, name)?.length;
  if (!plain(split, 'Split') || rank === undefined) return whole;
  const axis = attrInt(split, 'axis', 0);
  if (axis !== -1 && axis !== rank - 1) return whole;
  const before = split.outputs.slice(0, split.outputs.indexOf(name)).map((output) => shapeOf(view, output)?.at(-1));
  if (!before.every((d): d is number => typeof d === 'number')) return whole;
  return { source: split.inputs[0]!, offset: before.reduce((x, y) => x + y, 0), path: [split] };
}

/** Where the columns of a Reshape to [batch, length, ...parts] come from, `parts` multiplied being the width. */
function viewed(view: GraphView, name: string, rank: number): { place: Place; parts: readonly number[] } | null {
  const node = view.producer(name);
  if (!plain(node, 'Reshape')) return null;
  const target = wholeNumbers(view, node.inputs[1]);
  const made = shapeOf(view, name);
  const from = shapeOf(view, node.inputs[0]);
  if (!target || made?.length !== rank || !from || (from.length !== 2 && from.length !== 3)) return null;
  const parts = made.slice(2);
  if (!parts.every((d): d is number => typeof d === 'number' && d > 0)) return null;
  const width = parts.reduce((a, b) => a * b, 1);
  // The rows must stay rows: the last axis alone is cut.
  if (from.at(-1) !== width) return null;
  if (from.length === 3 && !sameRows(from, made)) return null;
  const [batch, length] = target as [number, number];
  // A size that is copied from a matrix of rows is the number of rows.
  if (from.length === 2 && (batch === 0 || length === 0)) return null;
  const { source, offset, path } = columnsOf(view, node.inputs[0]!);
  const whole = shapeOf(view, source)?.at(-1);
  if (typeof whole !== 'number') return null;
  const place = {
    source,
    offset,
    width: whole,
    heads: parts.at(-2)!,
    size: parts.at(-1)!,
    rows: [batch, length],
    path: [node, ...path],
  } as const;
  return { place, parts };
}

const sameRows = (from: readonly Dim[], made: readonly Dim[]): boolean =>
  // One size that nothing is known of follows from the other one.
  [0, 1].filter((i) => from[i] === null || from[i] !== made[i]).length <= 1 &&
  [0, 1].some((i) => from[i] !== null && from[i] === made[i]);

/** One of the parts of [batch, length, 3, ...] that a Transpose put in front, by Gather, or by Split and Squeeze. */
function partOf(view: GraphView, name: string): { of: string; index: number; path: readonly Node[] } | null {
  const node = view.producer(name);
  if (plain(node, 'Gather')) {
    const index = wholeNumbers(view, node.inputs[1]);
    const scalar = index?.length === 1 && view.constant(node.inputs[1]!)!.dims.length === 0;
    return attrInt(node, 'axis', 0) === 0 && scalar && index[0]! >= 0
      ? { of: node.inputs[0]!, index: index[0]!, path: [node] }
      : null;
  }
  if (!node || !['Squeeze', 'Reshape'].includes(node.op)) return null;
  const split = view.producer(node.inputs[0]!);
  if (!plain(split, 'Split') || attrInt(split, 'axis', 0) !== 0) return null;
  const [whole, made] = [shapeOf(view, node.inputs[0]), shapeOf(view, name)];
  if (whole?.[0] !== 1 || made?.length !== whole.length - 1) return null;
  if (made.filter((d, i) => d === null || d !== whole[i + 1]).length > 1) return null;
  // Every part is one: all of them have this size.
  if (!split.outputs.every((part) => shapeOf(view, part)?.[0] === 1)) return null;
  return { of: split.inputs[0]!, index: split.outputs.indexOf(node.inputs[0]!), path: [node, split] };
}

/** Keys whose width became heads after it was put in front of the length: Transpose to [batch, width, length], then Reshape. */
function headsMadeLast(
  view: GraphView,
  node: Node,
  name: string,
): (Omit<Heads, 'scale' | 'turned'> & { keys: true }) | null {
  const move = node.op === 'Reshape' ? view.producer(node.inputs[0]!) : null;
  if (!plain(move, 'Transpose')) return null;
  const perm = attrInts(move, 'perm', []).join();
  if (perm !== '0,2,1' && perm !== '1,2,0') return null;
  const [from, made] = [shapeOf(view, move.outputs[0]), shapeOf(view, name)];
  const [heads, size] = [made?.[1], made?.[2]];
  if (!from || made?.length !== 4 || typeof heads !== 'number' || typeof size !== 'number') return null;
  if (from[1] !== heads * size || !sameRows([from[0]!, from[2]!], [made[0]!, made[3]!])) return null;
  const { source, offset, path } = columnsOf(view, move.inputs[0]!);
  const width = shapeOf(view, source)?.at(-1);
  if (typeof width !== 'number' || width === 0) return null;
  const rows = [0, 0] as const;
  return { source, offset, width, heads, size, rows, path: [move, ...path], lengthFirst: perm === '1,2,0', keys: true };
}

/**
 * The heads [batch, heads, length, size] that a value is, or [batch, heads, size, length] where they are turned; null where it is
 * made in another way.
 */
export function headsOf(view: GraphView, name: string): Heads | null {
  let [value, scale, turned] = [name, 1, false];
  const path: Node[] = [];
  for (;;) {
    const node = view.producer(value);
    if (!node || node.domain !== '') return null;
    path.push(node);
    if (node.op === 'Mul' || node.op === 'Div') {
      const right = scalarOf(view, node.inputs[1]);
      const factor = right ?? (node.op === 'Mul' ? scalarOf(view, node.inputs[0]) : null);
      const constant = view.constant(node.inputs[right === null ? 0 : 1]!);
      if (factor === null || constant!.dims.length > 4) return null;
      scale *= node.op === 'Div' ? 1 / factor : factor;
      value = node.inputs[right === null ? 1 : 0]!;
      continue;
    }
    const perm = node.op === 'Transpose' ? attrInts(node, 'perm', []).join() : '';
    if (perm === '0,1,3,2') {
      [value, turned] = [node.inputs[0]!, !turned];
      continue;
    }
    if (['0,2,1,3', '0,2,3,1', '1,2,0,3', '1,2,3,0'].includes(perm)) {
      const found = viewed(view, node.inputs[0]!, 4);
      const [lengthFirst, keys] = [perm.startsWith('1'), perm === '0,2,3,1' || perm === '1,2,3,0'];
      if (!found) return null;
      const whole = [...path, ...found.place.path];
      return { ...found.place, path: whole, scale, turned: turned !== keys, lengthFirst };
    }
    const late = headsMadeLast(view, node, value);
    if (late) {
      const { keys, ...place } = late;
      return { ...place, path: [...path, ...late.path], scale, turned: turned !== keys };
    }
    const part = partOf(view, value);
    const packed = part ? view.producer(part.of) : null;
    if (!part || !plain(packed, 'Transpose') || attrInts(packed, 'perm', []).join() !== '2,0,3,1,4') return null;
    const found = viewed(view, packed.inputs[0]!, 5);
    if (!found) return null;
    const [, heads, size] = found.parts as [number, number, number];
    const offset = found.place.offset + part.index * heads * size;
    return {
      ...found.place,
      offset,
      scale,
      turned,
      lengthFirst: false,
      path: [...path, ...part.path, packed, ...found.place.path],
    };
  }
}
