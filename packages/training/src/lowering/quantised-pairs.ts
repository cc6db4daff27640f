/**
 * QuantizeLinear and the DequantizeLinear behind it, as training with quantised numbers has them for each activation and weight,
 * as one operator: its gradient takes eight passes over the elements, those of the two 17.
 */
import { attrInt, int, type Graph, type Node } from '@verge/onnx';
import type { Forward } from '../forward.js';
import { ABOVE, FAKE_QUANTIZE, OWN_DOMAIN } from '../gradients/fake-quantize.js';
import { LEVELS } from '../gradients/quantization.js';
import { usesOf, type Uses } from './uses.js';

const equal = (a: Node, b: Node): boolean =>
  a.inputs[1] === b.inputs[1] &&
  (a.inputs[2] ?? '') === (b.inputs[2] ?? '') &&
  attrInt(a, 'axis', 1) === attrInt(b, 'axis', 1);

/** Whether a Relu makes the value, and zero is the lowest level: then nothing is cut off below. */
function isAbove({ inputs: [x, , zero] }: Node, { initializers }: Graph, makers: Uses['makers']): boolean {
  const value = initializers.get(zero ?? '')?.value;
  if (makers.get(x!)?.op !== 'Relu' || !value || !('data' in value)) return false;
  const low = LEVELS[value.dtype]?.[0];
  return low !== undefined && Array.from(value.data, Number).every((point) => point === low);
}

/**
 * @param kept values that something reads by name, so that they must stay
 * @returns the same forward graph with each such pair as one operator of this package's own domain, which the step writes out again
 */
export function joinPairs(forward: Forward, kept: ReadonlySet<string>): Forward {
  const { graph } = forward;
  const { makers, readers } = usesOf(graph);
  const joined = new Map<Node, readonly Node[]>();
  for (const back of graph.nodes) {
    if (back.op !== 'DequantizeLinear' || back.domain !== '') continue;
    const [levels] = back.inputs as [string];
    const there = makers.get(levels);
    if (there?.op !== 'QuantizeLinear' || there.domain !== '' || !equal(there, back)) continue;
    if (readers.get(levels) !== 1 || kept.has(levels)) continue;
    const inBlocks = [there, back].some((node) => attrInt(node, 'block_size', 0) > 0);
    if (inBlocks || !forward.types.has(levels)) continue;
    joined.set(there, []);
    const outputs = [back.outputs[0]!, levels];
    const attributes = new Map(there.attributes);
    if (isAbove(there, graph, makers)) attributes.set(ABOVE, int(1));
    joined.set(back, [{ ...there, op: FAKE_QUANTIZE, domain: OWN_DOMAIN, outputs, attributes }]);
  }
  if (joined.size === 0) return forward;
  return { ...forward, graph: { ...graph, nodes: graph.nodes.flatMap((n) => joined.get(n) ?? [n]) } };
}
