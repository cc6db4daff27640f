/** What a training does with each constant that could be a parameter. */
import { elementCount } from '@verge/onnx';
import { findParameters, findStatistics, type Layout } from '../parameters.js';
import { ownName, type TrainingForm } from './form.js';
import { sharedBy, type Untied } from './untie.js';

/** `moves`: trained; `frozen`: could be, and was asked not to; `left-out`: is no parameter, `why` says what it is. */
export type ParameterFate = 'moves' | 'frozen' | 'left-out';

export interface ParameterLine {
  /** As in the trained file. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly elements: number;
  readonly fate: ParameterFate;
  /** Empty for what moves. */
  readonly why: string;
  /** Nodes that read it, where there are several: they move together. */
  readonly readers?: number;
  /** The constant of the given file that held its values along with others'. */
  readonly untiedFrom?: string;
}

/** A line for each parameter of a model in training form, in the order of the graph, and for each running statistic. */
export function parameterReport(
  { model, renamed }: TrainingForm,
  trained: Layout,
  untied: readonly Untied[],
): ParameterLine[] {
  const { graph } = model;
  const found = findParameters(graph);
  const moving = new Set(trained.entries.map((e) => e.name));
  const statistics = findStatistics(graph).filter((name) => graph.initializers.has(name));
  const names = [...found.keys(), ...statistics.filter((name) => !found.has(name))];
  const readers = sharedBy(graph, names);
  const origin = new Map(untied.map((u) => [u.name, u.from]));
  return names.map((name) => {
    const own = ownName(name, { renamed });
    const shape = graph.initializers.get(name)!.value.dims;
    return {
      ...{ name: own, shape, elements: elementCount(shape) },
      ...fateOf(name, moving, found.has(name)),
      ...(readers.has(name) && { readers: readers.get(name)! }),
      ...(origin.has(own) && { untiedFrom: origin.get(own)! }),
    };
  });
}

function fateOf(name: string, moving: ReadonlySet<string>, found: boolean): Pick<ParameterLine, 'fate' | 'why'> {
  if (moving.has(name)) return { fate: 'moves', why: '' };
  if (found) return { fate: 'frozen', why: 'asked for' };
  return { fate: 'left-out', why: 'a running statistic, which follows the batches' };
}

const count = (lines: readonly ParameterLine[]): string =>
  `${lines.length} (${lines.reduce((n, l) => n + l.elements, 0)} elements)`;

/** The report in a few lines: how much moves, and what was separated or stays shared. */
export function describeParameters(lines: readonly ParameterLine[]): string[] {
  const of = (fate: ParameterFate): ParameterLine[] => lines.filter((l) => l.fate === fate);
  const shared = of('moves').filter((l) => l.readers !== undefined);
  const apart = lines.filter((l) => l.untiedFrom !== undefined);
  const some = (list: readonly ParameterLine[], text: (l: ParameterLine) => string): string =>
    list.slice(0, 8).map(text).join(', ') + (list.length > 8 ? ` and ${list.length - 8} more` : '');
  return [
    `parameters: ${count(of('moves'))} move, ${count(of('frozen'))} frozen, ${count(of('left-out'))} left out`,
    ...(apart.length > 0
      ? [`stored as one and trained apart: ${some(apart, (l) => `${l.name} (was ${l.untiedFrom})`)}`]
      : []),
    ...(shared.length > 0
      ? [`shared, trained as one: ${some(shared, (l) => `${l.name} (${l.readers} readers)`)}`]
      : []),
  ];
}
