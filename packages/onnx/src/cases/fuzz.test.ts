import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createSession } from '../conformance/executor.js';
import { seeded } from '../conformance/random.js';
import { decodeModel, inferShapes, OnnxError, simplify, type Model } from '../index.js';
import { NEVER_RUN, RANDOM } from './exceptions.js';
import { mutate } from './mutants.js';
import { difference, resultsOf, type Values } from './numbers.js';
import { parseNpz } from './npz.js';

const FULL = Boolean(process.env['VERGE_TEST_FULL']);
const MUTANTS = FULL ? 20_000 : 200;
const folder = new URL('models/', import.meta.url);

interface Seed {
  readonly name: string;
  readonly model: Model;
  readonly feeds: Values;
}

/** The cases with stored inputs, with the types of their values declared, so that there is something to get wrong. */
function seeds(): Seed[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.npz'));
  return files.flatMap((file): Seed[] => {
    const name = file.slice(0, -'.npz'.length);
    if (RANDOM.has(name) || name === NEVER_RUN) return [];
    const model = decodeModel(new Uint8Array(readFileSync(new URL(`${name}.onnx`, folder))));
    const feeds = parseNpz(readFileSync(new URL(file, folder)));
    const { graph } = model;
    const typed = inferShapes(model, { fresh: true, onFailure: () => undefined }).graph.values;
    const known = [...typed].filter(([, { type }]) => type?.kind === 'tensor' && type.dtype !== null);
    return [{ name, model: { ...model, graph: { ...graph, values: new Map(known) } }, feeds }];
  });
}

it(
  'mutants of the cases give the same numbers when simplified, or are refused with a code',
  async () => {
    const all = seeds();
    const random = seeded(31);
    const wrong: string[] = [];
    const codes = new Map<string, number>();
    let compared = 0;
    for (let i = 0; i < MUTANTS; i++) {
      const { name, model: seed, feeds } = all[i % all.length]!;
      const { model, how } = mutate(seed, random);
      // What executors do not take either is no case.
      const expected = await resultsOf(model, feeds).catch(() => null);
      if (!expected) continue;
      try {
        const forInference = random() < 0.5;
        const { model: simple } = await simplify(model, createSession, { verify: false, forInference });
        compared++;
        const found = difference(expected, await resultsOf(simple, feeds), 1e-5);
        if (found !== '') wrong.push(`${i} ${name} (${how}): ${found}`);
      } catch (error) {
        if (!(error instanceof OnnxError)) wrong.push(`${i} ${name} (${how}): ${String(error)}`);
        else codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      }
    }
    console.log(`${MUTANTS} mutants, ${compared} compared, refused: ${JSON.stringify([...codes])}`);
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(MUTANTS / 2);
  },
  FULL ? 3_600_000 : 120_000,
);
