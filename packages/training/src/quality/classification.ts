/** Classifiers: one class for each sample, said by scores or by labels. */
import type { ClassOutput, Tensor } from '@verge/onnx';
import { confusionMatrix, macroF1 } from '../metrics/classification.js';
import { rocAuc } from '../metrics/ranking.js';
import { LabelReader, type Matching, placesOf } from './classes.js';
import { bootstrap, wilson } from './interval.js';
import { Column, figure, type Judge, type Judged, type JudgedBatch, unfit } from './judge.js';
import { numbersOf } from './reads.js';

/** What the model answered to one sample. */
interface Answer {
  /** Index into the data's classes; -1 for a class that the data does not have. */
  readonly best: number;
  /** How many classes have a higher score than the true one; null where there are no scores. */
  readonly rank: number | null;
  /** Of two classes, how far the second one's score is above the first one's. */
  readonly margin?: number;
}

/** Rank of the true class among the scores; ties go to the lower index, as argmax has it. */
function rankOf(scores: ArrayLike<number>, at: number, width: number, truth: number): { rank: number; best: number } {
  // A class that the model does not know comes after all that it does.
  const own = truth >= 0 ? (scores[at + truth] as number) : -Infinity;
  let rank = truth >= 0 ? 0 : width;
  let best = 0;
  for (let c = 0; c < width; c++) {
    const score = scores[at + c] as number;
    if (truth >= 0 && (score > own || (score === own && c < truth))) rank++;
    if (score > (scores[at + best] as number)) best = c;
  }
  return { rank, best };
}

interface Reader {
  readonly by: Matching;
  /** What has to be said of the matching. */
  readonly notes?: readonly string[];
  read(output: Tensor, batch: JudgedBatch): Answer[];
}

function scoreReader(name: string, labels: readonly string[], columns: readonly string[] | null): Reader {
  const matched = columns && placesOf(columns, labels);
  const least = columns?.length ?? labels.length;
  const notes: string[] = [];
  return {
    by: matched?.by ?? 'position',
    notes,
    read(output, { samples, from, used, rows }) {
      const scores = numbersOf(output);
      const width = scores ? scores.length / rows : 0;
      if (!scores || !Number.isInteger(width) || width < least || width < 1)
        throw unfit(name, `is ${output.dtype} [${output.dims.join(', ')}], expected float scores of ${least} classes`);
      if (!matched && width > labels.length && notes.length === 0)
        notes.push(
          `the model has ${width} classes without names, the data have ${labels.length}: these are taken for its first ones, which is wrong where another one is missing`,
        );
      const places = matched?.places ?? Array.from({ length: width }, (_, i) => i);
      return Array.from({ length: used }, (_, i) => {
        for (let c = 0; c < width; c++)
          if (Number.isNaN(scores[i * width + c])) throw unfit(name, `is NaN for sample ${from + i}`);
        const { rank, best } = rankOf(scores, i * width, width, places.indexOf(samples.y[from + i] as number));
        const margin = width === 2 ? scores[i * 2 + places.indexOf(1)]! - scores[i * 2 + places.indexOf(0)]! : 0;
        return { rank, best: places[best] ?? -1, margin };
      });
    },
  };
}

function labelReader(name: string, labels: readonly string[], classes: readonly string[] | null): Reader {
  const reader = new LabelReader(labels, classes);
  return {
    get by() {
      return reader.by;
    },
    read(output, { used, rows }) {
      if (output.data.length !== rows)
        throw unfit(
          name,
          `is ${output.dtype} [${output.dims.join(', ')}], expected a label for each of ${rows} samples`,
        );
      const names = Array.from(output.data as ArrayLike<string | number | bigint>, String);
      return reader.read(names.slice(0, used)).map((best) => ({ best, rank: null }));
    },
  };
}

export interface ClassNames {
  /** Of the data. */
  readonly labels: readonly string[];
  /** Of the model in the order of its scores, where they are known. */
  readonly columns: readonly string[] | null;
}

export class ClassJudge implements Judge {
  readonly task = 'classification';
  readonly output: string;
  readonly by: 'scores' | 'labels';
  readonly #reader: Reader;
  readonly #best = new Column();
  readonly #truth = new Column();
  readonly #ranks = new Column();
  readonly #margins = new Column();

  constructor(
    said: ClassOutput,
    private readonly names: ClassNames,
  ) {
    this.output = said.name;
    this.by = said.kind;
    this.#reader = (said.kind === 'scores' ? scoreReader : labelReader)(said.name, names.labels, names.columns);
  }

  add(output: Tensor, batch: JudgedBatch): void {
    this.#reader.read(output, batch).forEach(({ best, rank, margin = 0 }, i) => {
      this.#best.push(best);
      this.#truth.push(batch.samples.y[batch.from + i]!);
      if (rank !== null) this.#ranks.push(rank);
      this.#margins.push(margin);
    });
  }

  finish(): Judged {
    const [best, truth, ranks] = [this.#best.values, this.#truth.values, this.#ranks.values];
    const [samples, classes] = [truth.length, this.names.labels.length];
    // A class that the data do not have is one more column, which no label is in.
    const confusion = confusionMatrix(
      best.map((c) => (c < 0 || c >= classes ? classes : c)),
      truth,
      classes + 1,
    )
      .slice(0, classes)
      .map((row) => row.slice(0, classes));
    const hits = best.reduce((n, c, i) => n + (c === truth[i] ? 1 : 0), 0);
    const scored = ranks.length === samples;
    const among5 = ranks.reduce((n, rank) => n + (rank < 5 ? 1 : 0), 0);
    const accuracy = { samples, accuracy: hits / samples, top5: (scored ? among5 : hits) / samples };
    const top5 =
      scored && classes > 5
        ? figure(this, 'top5', accuracy.top5, { samples, interval: wilson(among5, samples), baseline: null })
        : [];
    return {
      quality: [
        ...figure(this, 'accuracy', accuracy.accuracy, {
          ...{ samples, interval: wilson(hits, samples) },
          baseline: largestShare(truth, classes),
        }),
        ...top5,
        ...this.#f1(best, truth, classes),
        ...this.#auc(truth, classes, scored),
      ],
      ...{ accuracy, confusion },
      notes: this.#notes(),
    };
  }

  #f1(best: Float64Array, truth: Float64Array, classes: number) {
    const samples = truth.length;
    const of = (weights: Uint32Array | null): number => macroF1(weightedCounts(best, truth, classes, weights));
    const interval = bootstrap(samples, of, samples + classes);
    return figure(this, 'macroF1', of(null), { samples, interval, baseline: null });
  }

  /** Of two classes, the second one being the positive. */
  #auc(truth: Float64Array, classes: number, scored: boolean) {
    if (classes !== 2 || !scored) return [];
    const [samples, margins] = [truth.length, this.#margins.values];
    const interval = bootstrap(samples, weightedAuc(margins, truth), samples);
    const value = rocAuc(margins, (i) => truth[i] === 1);
    return figure(this, 'auc', value, { samples, interval, baseline: 0.5 });
  }

  #notes(): string[] {
    return [
      ...(this.names.columns || this.by === 'labels'
        ? [`the classes of the model are matched with those of the data by ${this.#reader.by}`]
        : []),
      ...(this.#reader.notes ?? []),
    ];
  }
}

/** Share of the class that is most frequent. */
function largestShare(truth: ArrayLike<number>, classes: number): number {
  const counts = new Float64Array(classes);
  for (let i = 0; i < truth.length; i++) counts[truth[i]!]!++;
  return counts.reduce((a, b) => Math.max(a, b), 0) / truth.length;
}

function weightedCounts(best: Float64Array, truth: Float64Array, classes: number, weights: Uint32Array | null) {
  const counts = Array.from({ length: classes }, () => ({ hits: 0, missed: 0, false: 0 }));
  for (let i = 0; i < truth.length; i++) {
    const weight = weights ? weights[i]! : 1;
    const [said, label] = [best[i]!, counts[truth[i]!]!];
    if (said === truth[i]) label.hits += weight;
    else {
      label.missed += weight;
      const wrong = counts[said];
      if (wrong) wrong.false += weight;
    }
  }
  return counts;
}

/** Area under the curve of samples that count as often as they are weighed, in the order of their scores. */
export function weightedAuc(
  scores: Float64Array,
  truth: ArrayLike<number>,
): (weights: Uint32Array) => number | undefined {
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  return (weights) => {
    let [below, wins, positives] = [0, 0, 0];
    for (let from = 0, to = 0; from < order.length; from = to) {
      let [up, down] = [0, 0];
      for (; to < order.length && scores[order[to]!] === scores[order[from]!]; to++) {
        const i = order[to]!;
        if (truth[i] === 1) up += weights[i]!;
        else down += weights[i]!;
      }
      wins += up * (below + down / 2);
      below += down;
      positives += up;
    }
    return positives === 0 || below === 0 ? undefined : wins / (positives * below);
  };
}
