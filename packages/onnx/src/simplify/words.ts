/** Words that a model knows: encoders of text refuse others. */
import type { Model, Node } from '../ir.js';
import { readsOf } from '../rewrite/view.js';

/** Lists of ai.onnx.ml encoders that name what they take. */
const LISTS = ['cats_strings', 'keys_strings', 'string_vocabulary', 'pool_strings'];
/** A word of a list may stand behind other steps; so many of them are gone through. */
const MOST_STEPS = 8;

function wordsIn(node: Node): readonly string[] {
  for (const name of LISTS) {
    const list = node.attributes.get(name);
    if (list?.kind === 'strings' && list.value.length > 0) return list.value.filter((w) => typeof w === 'string');
  }
  return [];
}

/**
 * For each input of strings the words that the first encoder behind it knows.
 * @returns nothing for an input without one
 */
export function knownWords({ graph }: Model): Record<string, readonly string[]> {
  const found: Record<string, readonly string[]> = {};
  for (const { name, type } of graph.inputs) {
    if (type?.kind !== 'tensor' || type.dtype !== 'string') continue;
    let values = new Set([name]);
    for (let step = 0; step < MOST_STEPS && values.size > 0; step++) {
      const readers = graph.nodes.filter((node) => [...readsOf(node)].some((value) => values.has(value)));
      const words = readers.map(wordsIn).find((list) => list.length > 0);
      if (words) {
        found[name] = words;
        break;
      }
      values = new Set(readers.flatMap((node) => node.outputs).filter((value) => value !== ''));
    }
  }
  return found;
}
