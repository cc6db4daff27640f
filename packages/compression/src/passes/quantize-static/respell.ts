/** What has no kernel on integers as it is spelled, in operators that have one; every number stays as it is but for roundings of float32. */
import {
  ACCEPT,
  attrInt,
  attrInts,
  decline,
  float,
  int,
  opPattern,
  padIntoConv,
  rewrite,
  valuePattern,
  type GraphBuilder,
  type Match,
  type Model,
  type Rule,
} from '@verge/onnx';

/** The axes of a ReduceMean, as an input since operator set 18. */
function axesOf(match: Match, rank: number): number[] | null {
  const mean = match.node('mean');
  const given = mean.inputs[1] ? match.view.constant(mean.inputs[1]) : null;
  if (mean.inputs[1] && given?.dtype !== 'int64') return null;
  const axes = given?.dtype === 'int64' ? Array.from(given.data, Number) : [...attrInts(mean, 'axes', [])];
  return axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
}

/** ReduceMean over all axes behind the channels -> GlobalAveragePool. */
const meanOverSpace: Rule = {
  name: 'mean-over-space',
  pattern: opPattern('ReduceMean', [valuePattern('x')], 'mean'),
  check(match) {
    const type = match.view.type(match.value('x'));
    const rank = type?.kind === 'tensor' && type.dtype === 'float32' ? (type.shape?.length ?? 0) : 0;
    const axes = axesOf(match, rank);
    const spatial = Array.from({ length: Math.max(0, rank - 2) }, (_, i) => i + 2);
    return axes && rank > 2 && axes.join() === spatial.join() ? ACCEPT : decline('it is no mean over space');
  },
  rewrite(match, builder) {
    const mean = match.node('mean');
    const pooled = builder.node('GlobalAveragePool', [match.value('x')], {}, 1, { name: mean.name });
    return attrInt(mean, 'keepdims', 1) === 1 ? pooled : builder.node('Flatten', [pooled], { axis: int(1) });
  },
};

const gated = (builder: GraphBuilder, x: string, name: string): string =>
  builder.node('Mul', [x, builder.node('HardSigmoid', [x], { alpha: float(1 / 6), beta: float(0.5) }, 1, { name })]);

/** HardSwish -> x * HardSigmoid(x), as the standard defines it. */
const hardSwish: Rule = {
  name: 'hard-swish',
  pattern: opPattern('HardSwish', [valuePattern('x')], 'swish'),
  check: () => ACCEPT,
  rewrite: (match, builder) => gated(builder, match.value('x'), match.node('swish').name),
};

const rules: readonly Rule[] = [padIntoConv, meanOverSpace, hardSwish];

/** @returns the model, and how many nodes became others; what makes a value keeps its name, by which a recipe may call it */
export function respell(model: Model): { model: Model; count: number } {
  const { model: made, fired } = rewrite(model, rules);
  if (fired.length === 0) return { model, count: 0 };
  const names = new Map(model.graph.nodes.map((node) => [node.outputs[0], node.name]));
  const nodes = made.graph.nodes.map((node) => ({ ...node, name: names.get(node.outputs[0]) ?? node.name }));
  return { model: { ...made, graph: { ...made.graph, nodes } }, count: fired.length };
}
