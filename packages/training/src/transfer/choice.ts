/** Which constants move, by the patterns of a configuration. */
import { withoutZipMap, type Model } from '@verge/onnx';
import { classify } from '../candidates.js';
import { findStatistics } from '../parameters.js';
import { matches, matchesAny, unmatched } from '../patterns.js';
import { parametersOfLayers } from '../roles.js';
import { takenBranches } from './branches.js';
import { bindPorts, type PortOptions, type SampleShape } from './ports.js';
import { widenFloats, widenLevels } from './widen.js';

export interface Chosen {
  /** Everything that patterns may name. */
  readonly names: readonly string[];
  /** Absent where nothing is frozen. */
  readonly trainable?: (name: string) => boolean;
  readonly alsoTrained?: (name: string) => boolean;
  /** Patterns that name nothing, or nothing that can move. */
  readonly problems: string[];
}

/**
 * @param patterns.freeze what stays as it is
 * @param patterns.train what moves, though `freeze` names it or it is left out by default
 * @param sample what one sample is
 * @throws TrainingError as `bindPorts`
 */
export function chooseParameters(
  given: Model,
  { freeze = [], train = [] }: { readonly freeze?: readonly string[]; readonly train?: readonly string[] },
  sample: SampleShape,
  ports: PortOptions,
): Chosen {
  const wide = widenFloats(withoutZipMap(given).model).model;
  const bound = takenBranches(bindPorts(wide, sample, ports));
  const trained = bound.graph.outputs.slice(0, 1);
  const { graph } = widenLevels({ ...bound, graph: { ...bound.graph, outputs: trained } }).model;
  const layers = parametersOfLayers(graph);
  const others = classify(graph, layers);
  const statistics = findStatistics(graph);
  const constants = new Set(graph.initializers.keys());
  const able = new Set([...layers.keys(), ...[...others].filter(([, c]) => c.possible).map(([name]) => name)]);
  const unable = new Map([...others].filter(([, c]) => !c.possible).map(([name, c]) => [name, c.why]));
  for (const name of statistics)
    if (!able.has(name)) unable.set(name, 'a running statistic, which follows the batches');
  const names = [...able];
  const problems = unmatched(freeze, [...names, ...unable.keys()]).map((p) => `freeze: no parameter is called '${p}'`);
  for (const pattern of unmatched(train, names)) {
    const close = [...unable].find(([name]) => matches(pattern, name));
    problems.push(
      close ? `train: '${close[0]}' cannot be trained: ${close[1]}` : `train: no parameter is called '${pattern}'`,
    );
  }
  return {
    names,
    problems,
    ...(freeze.length > 0 && {
      // What is no constant of this model was added to it, and is not what the patterns are about.
      trainable: (name) => !constants.has(name) || matchesAny(train, name) || !matchesAny(freeze, name),
    }),
    ...(train.length > 0 && { alsoTrained: (name) => matchesAny(train, name) }),
  };
}
