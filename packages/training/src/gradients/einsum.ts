/**
 * Einsum-12 as products of two operands at a time. A letter is kept until nothing needs it any more: letters of a single
 * operand are summed at once, letters of both operands that no one else has are contracted by MatMul.
 */
import { attrString, elementCount, type Node } from '@verge/onnx';
import { TrainingError } from '../errors.js';
import type { Shape, Tape } from '../tape.js';
import type { Composite } from './row.js';

interface Equation {
  /** Letters of each operand; the axes of an ellipsis are numbered from the back: '0' is the last. */
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
}

interface Operand {
  readonly value: string;
  readonly letters: readonly string[];
}

const ELLIPSIS = '...';

function terms(text: string): { inputs: string[]; output: string | undefined } {
  const [left, right] = text.replaceAll(' ', '').split('->') as [string, string?];
  return { inputs: left.split(','), output: right };
}

/** Why an equation cannot be lowered; undefined when it can. */
export function equationProblem(text: string): string | undefined {
  const { inputs } = terms(text);
  for (const term of inputs) {
    const letters = term.replace(ELLIPSIS, '');
    const twice = [...letters].find((l, i) => letters.indexOf(l) !== i);
    if (twice !== undefined) return `index '${twice}' stands twice in operand '${term}' of equation '${text}'`;
  }
  return undefined;
}

/** Spells a term out for an operand of known rank. */
function spell(term: string, rank: number): string[] {
  const at = term.indexOf(ELLIPSIS);
  if (at < 0) return [...term];
  const hidden = Math.max(0, rank - (term.length - ELLIPSIS.length));
  const numbers = Array.from({ length: hidden }, (_, i) => String(hidden - 1 - i));
  return [...term.slice(0, at), ...numbers, ...term.slice(at + ELLIPSIS.length)];
}

function parse(text: string, ranks: readonly number[]): Equation {
  const { inputs, output } = terms(text);
  const operands = inputs.map((term, i) => spell(term, ranks[i]!));
  const hidden = operands.map((letters) => letters.filter((l) => /\d/.test(l)));
  const longest = hidden.reduce((a, b) => (b.length > a.length ? b : a), []);
  if (output !== undefined)
    return { operands, output: spell(output, output.replace(ELLIPSIS, '').length + longest.length) };
  // Without an arrow: the ellipsis, then the letters that stand once, in alphabetical order.
  const all = operands.flat().filter((l) => !/\d/.test(l));
  const once = [...new Set(all)].filter((l) => all.indexOf(l) === all.lastIndexOf(l)).sort();
  return { operands, output: [...longest, ...once] };
}

/** Sizes of all letters; axes of size 1 are broadcast. */
function sizesOf(node: Node, equation: Equation, shapes: readonly Shape[]): Map<string, number> {
  const sizes = new Map<string, number>();
  equation.operands.forEach((letters, k) => {
    if (letters.length !== shapes[k]!.length)
      throw new TrainingError('bad-model', `Einsum node '${node.name}': operand ${k} has another rank than its term`);
    letters.forEach((letter, i) => sizes.set(letter, Math.max(sizes.get(letter) ?? 1, shapes[k]![i]!)));
  });
  return sizes;
}

/** An operand without its broadcast axes of size 1 and without letters that nothing else needs. */
function reduced(t: Tape, operand: Operand, sizes: ReadonlyMap<string, number>, needed: ReadonlySet<string>): Operand {
  const shape = t.shape(operand.value);
  const real = operand.letters.map((letter, i) => shape[i] === sizes.get(letter));
  const letters = operand.letters.filter((_, i) => real[i]);
  const value = t.reshape(
    operand.value,
    shape.filter((_, i) => real[i]),
  );
  const axes = letters.map((_, i) => i).filter((i) => !needed.has(letters[i]!));
  return {
    value: t.reduce('ReduceSum', value, axes, false),
    letters: letters.filter((letter) => needed.has(letter)),
  };
}

/** The product of two operands, letters that only they have being summed. */
function product(
  t: Tape,
  a: Operand,
  b: Operand,
  sizes: ReadonlyMap<string, number>,
  needed: ReadonlySet<string>,
): Operand {
  const both = a.letters.filter((l) => b.letters.includes(l));
  const batch = both.filter((l) => needed.has(l));
  const summed = both.filter((l) => !needed.has(l));
  const left = a.letters.filter((l) => !both.includes(l));
  const right = b.letters.filter((l) => !both.includes(l));
  const size = (letters: readonly string[]): number => elementCount(letters.map((l) => sizes.get(l)!));
  const matrix = (operand: Operand, rows: readonly string[], columns: readonly string[]): string => {
    const order = [...batch, ...rows, ...columns].map((l) => operand.letters.indexOf(l));
    return t.reshape(t.transpose(operand.value, order), [size(batch), size(rows), size(columns)]);
  };
  const [x, y] = [matrix(a, left, summed), matrix(b, summed, right)];
  const value = summed.length > 0 ? t.matmul(x, y) : t.mul(x, y);
  const letters = [...batch, ...left, ...right];
  return {
    value: t.reshape(
      value,
      letters.map((l) => sizes.get(l)!),
    ),
    letters,
  };
}

export const einsum: Composite = {
  unsupported: (node) => equationProblem(attrString(node, 'equation')),
  decompose(t, node) {
    const shapes = node.inputs.map((input) => t.shape(input));
    const equation = parse(
      attrString(node, 'equation'),
      shapes.map((s) => s.length),
    );
    const sizes = sizesOf(node, equation, shapes);
    const neededAfter = (k: number): Set<string> => new Set([...equation.output, ...equation.operands.slice(k).flat()]);
    const operands = node.inputs.map((value, k): Operand => {
      const others = equation.operands.filter((_, i) => i !== k).flat();
      return reduced(t, { value, letters: equation.operands[k]! }, sizes, new Set([...equation.output, ...others]));
    });
    const joined = operands.reduce((a, b, k) => product(t, a, b, sizes, neededAfter(k + 1)));
    // Letters may be left that only operands with a broadcast axis had.
    const last = reduced(t, joined, sizes, new Set(equation.output));
    const order = equation.output.filter((l) => last.letters.includes(l)).map((l) => last.letters.indexOf(l));
    const ordered = t.transpose(last.value, order);
    const shape = t.shape(node.outputs[0]!);
    const wide = equation.output.map((l) => (last.letters.includes(l) ? sizes.get(l)! : 1));
    t.node('Identity', [t.expand(t.reshape(ordered, wide), shape)], [node.outputs[0]!]);
  },
};
