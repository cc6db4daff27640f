/** Nodes that a recipe leaves as they are. */
import type { Model } from '@verge/onnx';
import { CompressionError } from '../errors.js';
import { nodeName } from '../graph/index-of-values.js';

/**
 * @param said names of nodes by the field of the recipe that has them
 * @throws CompressionError `bad-recipe` naming each node that is not there
 */
export function checkNodes(model: Model, said: Readonly<Record<string, readonly string[]>>): void {
  const names = new Set(model.graph.nodes.map(nodeName));
  const problems = Object.entries(said).flatMap(([field, list]) =>
    list.filter((name) => !names.has(name)).map((name) => `${field}: there is no node '${name}'`),
  );
  if (problems.length > 0) throw new CompressionError('bad-recipe', problems.join('; '), { problems });
}

/** @throws CompressionError `bad-recipe` naming each node that is not there */
export function checkedKeep(model: Model, keep: readonly string[]): ReadonlySet<string> {
  checkNodes(model, { keep });
  return new Set(keep);
}

/** @throws CompressionError `unsuitable-model`, always: nothing of the model can be changed, for these reasons */
export function nothingDone(what: string, declined: readonly { node: string; reason: string }[]): never {
  const problems = declined.map((d) => `${d.node}: ${d.reason}`);
  const why = problems.length > 0 ? `: ${problems.join('; ')}` : '';
  throw new CompressionError('unsuitable-model', `${what}${why}`, { problems });
}
