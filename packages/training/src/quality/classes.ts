/** A model's classes and those of the data: which is which. */
import { TrainingError } from '../errors.js';

/** How the model's classes were found among the data's, for a report. */
export type Matching = 'name' | 'position';

const number = (text: string): number => (text.trim() === '' ? NaN : Number(text));

/** Where a name stands in a list; `1` and `1.0` are one. -1 when it does not. */
function placeOf(name: string, labels: readonly string[]): number {
  const exact = labels.indexOf(name);
  if (exact >= 0 || Number.isNaN(number(name))) return exact;
  return labels.findIndex((label) => number(label) === number(name));
}

const some = (names: readonly string[]): string => `${names.slice(0, 10).join(', ')}${names.length > 10 ? ', …' : ''}`;

/**
 * Turns what a model calls its classes into indices of the data's.
 * @param names classes of the model, or the labels that it answered with
 * @param labels classes of the data
 * @returns an index for each name, -1 for a class that the data does not have. By position, where no name is one of the
 *   data's and all are whole numbers from 0 below their count.
 * @throws TrainingError `bad-samples` when the names are others and no positions either
 */
export function placesOf(
  names: readonly string[],
  labels: readonly string[],
): { places: readonly number[]; by: Matching } {
  const places = names.map((name) => placeOf(name, labels));
  if (places.some((place) => place >= 0)) return { places, by: 'name' };
  const positions = names.map(number);
  if (positions.every((p) => Number.isInteger(p) && p >= 0 && p < labels.length))
    return { places: positions, by: 'position' };
  throw new TrainingError(
    'bad-samples',
    `the model's classes are ${some(names)}; those of the data are ${some(labels)}`,
  );
}

/**
 * The same for labels as they come, batch by batch: what was decided for the first is kept, and no class is looked up
 * twice.
 */
export class LabelReader {
  readonly #known = new Map<string, number>();
  #by: Matching | undefined;

  /** @param classes all classes of the model, where they are known: then it is they that decide */
  constructor(
    private readonly labels: readonly string[],
    classes: readonly string[] | null,
  ) {
    if (classes) this.#decide(classes);
  }

  get by(): Matching {
    return this.#by ?? 'name';
  }

  #decide(names: readonly string[]): void {
    const { places, by } = placesOf(names, this.labels);
    this.#by = by;
    names.forEach((name, i) => this.#known.set(name, places[i]!));
  }

  /** @returns the index of each label, -1 for one that the data does not have */
  read(names: readonly string[]): number[] {
    const fresh = [...new Set(names)].filter((name) => !this.#known.has(name));
    if (fresh.length > 0 && this.#by === undefined) this.#decide(fresh);
    else
      for (const name of fresh) {
        const position = number(name);
        const ofPosition = Number.isInteger(position) && position >= 0 && position < this.labels.length ? position : -1;
        this.#known.set(name, this.#by === 'name' ? placeOf(name, this.labels) : ofPosition);
      }
    return names.map((name) => this.#known.get(name) ?? -1);
  }
}
