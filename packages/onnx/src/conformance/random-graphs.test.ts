import { createSession } from './executor.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeModel, float32, inferShapes, type Dim, type Model, type Tensor, type ValueType } from '../index.js';
import { randomGraph, symbolic, type RandomGraph } from './random-graphs.js';
import { seeded } from './random.js';

const FULL = Boolean(process.env['VERGE_TEST_FULL']);
const RUNS = FULL ? 2000 : 150;

async function run(model: Model, sizes: readonly number[]): Promise<Record<string, Tensor>> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    const count = sizes.reduce((n, d) => n * d, 1);
    const x = float32(
      sizes,
      Float32Array.from({ length: count }, (_, i) => Math.sin(i + 1)),
    );
    return await session.run({ x });
  } finally {
    await session.release();
  }
}

/**
 * Of a window that does not fit ONNX Runtime makes a size of 0, or even 1 where the stride rounds it up; a scalar it
 * reduces along an axis that the scalar does not have, unless it knows the rank beforehand.
 */
const QUIRKS = /a window of \d+ does not fit|Reduce.*axis .* of rank 0/;

/** In ceil mode ONNX Runtime counts pools otherwise before it runs than when it does; what comes after may fail then. */
const STATIC = /output OrtValue provided .* has shape .* but the computed output shape/;

interface Tally {
  exact: number;
  open: number;
  refused: number;
  /** Refused here, but not by ONNX Runtime. */
  needlessly: string[];
  /** Not refused here, but by ONNX Runtime. */
  missed: string[];
  wrong: string[];
}

/** Compares sizes; a symbol must stand for the same number everywhere in a graph. */
function compare(type: ValueType | null, actual: Tensor, symbols: Map<string, number>): 'exact' | 'open' | 'wrong' {
  if (type?.kind !== 'tensor') return type ? 'wrong' : 'open';
  if (type.dtype !== null && type.dtype !== actual.dtype) return 'wrong';
  if (!type.shape || type.dtype === null) return 'open';
  if (type.shape.length !== actual.dims.length) return 'wrong';
  const fits = (d: Dim, i: number): boolean => {
    const size = actual.dims[i]!;
    if (typeof d === 'string') {
      if (!symbols.has(d)) symbols.set(d, size);
      return symbols.get(d) === size;
    }
    return d === null || d === size;
  };
  if (!type.shape.every(fits)) return 'wrong';
  return type.shape.includes(null) ? 'open' : 'exact';
}

function tally(kind: string, graph: RandomGraph, model: Model, results: Record<string, Tensor>, to: Tally): void {
  const symbols = new Map(graph.sizes.map((d, i) => [`d${i}`, d]));
  for (const { name, type } of inferShapes(model).graph.outputs) {
    const actual = results[name]!;
    const verdict = compare(type, actual, symbols);
    if (verdict === 'wrong') {
      to.wrong.push(`${kind} ${name}: ${JSON.stringify(type)} for ${actual.dtype}[${actual.dims}]`);
    } else to[verdict]++;
  }
}

describe('random graphs', () => {
  it('have the shapes that ONNX Runtime gives them, and are refused where it refuses them', async () => {
    const numeric: Tally = { exact: 0, open: 0, refused: 0, needlessly: [], missed: [], wrong: [] };
    const named: Tally = { exact: 0, open: 0, refused: 0, needlessly: [], missed: [], wrong: [] };
    const operators = new Set<string>();
    const property = fc.asyncProperty(fc.nat(), async (seed) => {
      const graph = randomGraph(seeded(seed), 7);
      graph.model.graph.nodes.forEach((n) => operators.add(n.op));
      numeric.refused += graph.refused.length;
      // ONNX Runtime writes to the console what it refuses.
      for (const { model, why } of FULL ? graph.refused : []) {
        const accepted = await run(model, graph.sizes).then(
          () => true,
          () => false,
        );
        if (accepted && !QUIRKS.test(why)) numeric.needlessly.push(why);
      }
      let results: Record<string, Tensor>;
      try {
        results = await run(graph.model, graph.sizes);
      } catch (error) {
        if (!STATIC.test(String(error))) numeric.missed.push(String(error));
        return;
      }
      tally('numbers', graph, graph.model, results, numeric);
      tally('symbols', graph, symbolic(graph.model), results, named);
    });
    await fc.assert(property, { numRuns: RUNS, seed: 2718 });
    console.log(
      `${RUNS} graphs of ${operators.size} operators: ${numeric.exact} shapes exact and ${numeric.open} in part from ` +
        `numbers, ${named.exact} and ${named.open} from symbols; ${numeric.refused} nodes refused`,
    );
    expect([...numeric.wrong, ...named.wrong]).toEqual([]);
    expect(numeric.needlessly).toEqual([]);
    expect(numeric.missed).toEqual([]);
  });
});
