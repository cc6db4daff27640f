/** What a training does with each constant that could be a parameter. */
import { elementCount, type DataType, type Graph } from '@verge/onnx';
import { classify } from '../candidates.js';
import { findStatistics, type Layout } from '../parameters.js';
import { parametersOfLayers } from '../roles.js';
import type { Adapter } from '../lora/write.js';
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
  /** The low-rank adapter that moves in its place: elements of A and B together. */
  readonly adapter?: { readonly rank: number; readonly elements: number };
  /** Nodes that read it, where there are several: they move together. */
  readonly readers?: number;
  /** The element type of the file, where that is not float32: the parameter is trained in float32 and written back. */
  readonly storedAs?: DataType;
  /** The constant of the given file that held its values along with others'. */
  readonly untiedFrom?: string;
}

/**
 * A line for each constant of floats, or behind a DequantizeLinear, of a model in training form that is a parameter or could be one, and for each running
 * statistic. Scalars that no layer reads as its parameter have none.
 */
export function parameterReport(
  { model, renamed, lora, stored }: TrainingForm,
  trained: Layout,
  untied: readonly Untied[],
): ParameterLine[] {
  const { graph } = lora?.plain ?? model;
  const adapters = new Map((lora?.adapters ?? []).map((a) => [a.site.weight, adapterLine(a)]));
  const moving = new Set(trained.entries.map((e) => e.name));
  const whys = reasonsIn(graph, moving);
  const readers = sharedBy(graph, whys.keys());
  const origin = new Map(untied.map((u) => [u.name, u.from]));
  return [...whys].map(([name, why]) => {
    const own = ownName(name, { renamed });
    const shape = graph.initializers.get(name)!.value.dims;
    return {
      ...{ name: own, shape, elements: elementCount(shape) },
      ...(moving.has(name) ? { fate: 'moves' as const, why: '' } : fateOf(why)),
      ...(adapters.has(name) && adapters.get(name)!),
      ...(stored.has(own) && { storedAs: stored.get(own)!.dtype }),
      ...(readers.has(name) && { readers: readers.get(name)! }),
      ...(origin.has(own) && { untiedFrom: origin.get(own)! }),
    };
  });
}

function adapterLine({ rank, site }: Adapter): Pick<ParameterLine, 'why' | 'adapter'> {
  const elements = rank * (elementCount(site.inside) + site.outside);
  return { why: 'its adapter moves', adapter: { rank, elements } };
}

const fateOf = (why: string): Pick<ParameterLine, 'fate' | 'why'> =>
  why === '' ? { fate: 'frozen', why: 'asked for' } : { fate: 'left-out', why };

/** Why each constant does not move by default, empty where it does, in the order of the graph's constants. */
function reasonsIn(graph: Graph, moving: ReadonlySet<string>): Map<string, string> {
  const layers = parametersOfLayers(graph);
  const others = classify(graph, layers);
  const statistics = new Set(findStatistics(graph));
  const whys = new Map<string, string>();
  for (const name of graph.initializers.keys()) {
    if (layers.has(name)) whys.set(name, '');
    else if (statistics.has(name)) whys.set(name, 'a running statistic, which follows the batches');
    else if (others.has(name)) whys.set(name, moving.has(name) ? '' : others.get(name)!.why);
  }
  return whys;
}

const count = (lines: readonly ParameterLine[]): string =>
  `${lines.length} (${lines.reduce((n, l) => n + l.elements, 0)} elements)`;

/** The report in a few lines: how much moves, and what was separated or stays shared. */
export function describeParameters(lines: readonly ParameterLine[]): string[] {
  const of = (fate: ParameterFate): ParameterLine[] => lines.filter((l) => l.fate === fate);
  const adapted = lines.flatMap((l) => l.adapter ?? []);
  const moving = adapted.reduce((n, a) => n + a.elements, 0);
  const shared = of('moves').filter((l) => l.readers !== undefined);
  const apart = lines.filter((l) => l.untiedFrom !== undefined);
  const some = (list: readonly ParameterLine[], text: (l: ParameterLine) => string): string =>
    list.slice(0, 8).map(text).join(', ') + (list.length > 8 ? ` and ${list.length - 8} more` : '');
  const types = new Set(of('moves').flatMap((l) => l.storedAs ?? []));
  return [
    `parameters: ${count(of('moves'))} move, ${count(of('frozen'))} frozen, ${count(of('left-out'))} left out`,
    ...(adapted.length > 0
      ? [`adapters of rank ${adapted[0]!.rank}: on ${adapted.length} weights, ${moving} elements move`]
      : []),
    ...[...types].map((type) => {
      const held = of('moves').filter((l) => l.storedAs === type);
      return `stored as ${type}, trained in float32 and written back as ${type}: ${count(held)}`;
    }),
    ...(apart.length > 0
      ? [`stored as one and trained apart: ${some(apart, (l) => `${l.name} (was ${l.untiedFrom})`)}`]
      : []),
    ...(shared.length > 0
      ? [`shared, trained as one: ${some(shared, (l) => `${l.name} (${l.readers} readers)`)}`]
      : []),
  ];
}
