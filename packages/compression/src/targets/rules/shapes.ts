/** Rules about sizes. */
import { nodeName } from '../../graph/index-of-values.js';
import type { Consequence, Rule } from '../target.js';

/** Every size of every value is a number. */
export const staticShapes = (consequence: Consequence, source: string): Rule => ({
  name: 'static-shapes',
  consequence,
  requires: 'every size of every input and value is a number',
  source,
  check: (facts) => {
    const open = (value: string): boolean => facts.shape(value)?.every((d) => d !== null) !== true;
    const inputs = facts.model.graph.inputs.filter((i) => facts.index.inputs.has(i.name) && open(i.name));
    if (inputs.length > 0)
      return inputs.map(({ name }) => ({
        node: name,
        reason: 'this input has an open size; fix it with `verge simplify --dim`',
      }));
    return facts.nodes
      .filter((node) => node.outputs.some((output) => output !== '' && open(output)))
      .map((node) => ({ node: nodeName(node), reason: 'the size of what it gives is known only when it runs' }));
  },
});

/** Channels of convolutions come in whole blocks. */
export const wholeBlocks = (block: number, source: string): Rule => ({
  name: 'whole-blocks',
  consequence: 'slower',
  requires: `convolutions have multiples of ${block} output channels`,
  source,
  check: (facts) =>
    facts.nodes.flatMap((node) => {
      const channels = node.op === 'Conv' ? facts.shape(node.inputs[1])?.[0] : null;
      if (!channels || channels % block === 0) return [];
      const paid = Math.ceil(channels / block) * block;
      return [
        { node: nodeName(node), reason: `it has ${channels} output channels and costs about as much as ${paid}` },
      ];
    }),
});

/** Tensors with at most so many axes. */
export const rankAtMost = (rank: number, source: string): Rule => ({
  name: 'rank',
  consequence: 'falls back',
  requires: `values have at most ${rank} axes that are longer than 1, beside the first`,
  source,
  check: (facts) =>
    facts.nodes.flatMap((node) => {
      const long = (value: string): number =>
        facts
          .shape(value)
          ?.slice(1)
          .filter((d) => d !== 1).length ?? 0;
      const worst = Math.max(0, ...node.outputs.filter((o) => o !== '').map(long));
      return worst > rank ? [{ node: nodeName(node), reason: `what it gives has ${worst} such axes` }] : [];
    }),
});
