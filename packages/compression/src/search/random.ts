/**
 * Random search over the space of `search`, for comparison: a structure of some size, or none, with some precision, each drawn alike. A
 * structure that comes again is not made again.
 */
import { DeviceClass, type RecipePass } from '@verge/contracts';
import { decodeModel, type Model, normalise } from '@verge/onnx';
import { Random } from '@verge/training';
import { checkCancelled } from '../errors.js';
import { parsed } from '../parsed.js';
import type { SearchJournal } from './journal.js';
import { sized } from './shares.js';
import { families, FOLD, idOf, precisions, quantizeAware } from './space.js';
import { type Base, decoded, type TrialContext, Trials } from './trial.js';

export interface RandomSearchOptions extends TrialContext {
  readonly model: Uint8Array;
  readonly seed: number;
  /** Gets every variant; the search ends when this throws, or when all of the space was tried. */
  readonly journal: SearchJournal;
}

/** Draws in a row that bring nothing new, after which the space is taken to be tried. */
const IN_VAIN = 500;

export async function randomSearch(options: RandomSearchOptions): Promise<void> {
  const { seed, journal, signal, data } = options;
  const target = parsed(DeviceClass, options.target, 'target');
  const source: Model = normalise(decodeModel(options.model)).model;
  const random = new Random(seed);
  const labelled = data.train.labels.length > 0 && data.validation.labels.length > 0;
  const { createSession } = options;
  const space = await sized(families(labelled, seed), source, target, { createSession, train: data.train });
  const structures: RecipePass[][] = [
    [],
    ...space.flatMap(({ family: { sizes, make } }) => sizes.map((size) => [make(size)])),
  ];
  const lasts: RecipePass[][] = [[], ...precisions(false).map((pass) => [pass])];
  if (labelled) lasts.push([quantizeAware(seed)]);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random.uniform() * of.length)] as T;
  const made = new Map<string, Base>();
  const tried = new Set<string>();
  const trials = new Trials(source, { ...options, target });
  const attempt = async (base: Base, passes: readonly RecipePass[]): Promise<Base | null> => {
    const all = [...base.passes, ...passes];
    const id = idOf(all);
    tried.add(id);
    const { entry, bytes } = await trials.try(id, base, passes, () => undefined);
    await journal.add(entry, bytes);
    if (!bytes) return null;
    return {
      model: () => Promise.resolve(decoded(bytes)),
      size: bytes.byteLength,
      passes: all,
      changes: entry.changes,
    };
  };
  const start: Base = { model: () => Promise.resolve(source), size: options.model.byteLength, passes: [], changes: [] };
  try {
    for (let vain = 0; vain < IN_VAIN;) {
      checkCancelled(signal);
      const [structure, last] = [[...one(structures), FOLD], one(lasts)];
      const id = idOf(structure);
      vain = tried.has(idOf([...structure, ...last])) ? vain + 1 : 0;
      if (vain > 0) continue;
      // Its float form is a variant of its own, and comes with it.
      if (!tried.has(id)) {
        const base = await attempt(start, structure);
        if (base) made.set(id, base);
      }
      const base = made.get(id);
      if (base && last.length > 0) await attempt(base, last);
    }
  } finally {
    await trials.release();
  }
}
