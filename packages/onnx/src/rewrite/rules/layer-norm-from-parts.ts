import { float, int } from '../../attributes.js';
import { float32, type Tensor } from '../../tensor.js';
import type { NodePattern } from '../pattern.js';
import { ACCEPT, decline, type Rule } from '../rewrite.js';
import { asRow, isRow, layerNormOf, NORMALISED, SCALED, type LayerNorm } from './layer-norm-parts.js';

/** LayerNormalization is an operator from this set on. */
const SINCE = 17;

function fromParts(name: string, pattern: NodePattern, scaled: boolean): Rule {
  return {
    name,
    pattern,
    check(match) {
      if (match.view.opset < SINCE) return decline(`operator set ${match.view.opset} has no LayerNormalization`);
      const found = layerNormOf(match);
      if (typeof found === 'string') return decline(found);
      const rows = ['scale', 'bias'].filter((as) => match.has(as));
      return rows.every((as) => isRow(match.view, match.value(as), found.sizes))
        ? ACCEPT
        : decline('scale or shift is not one number for each element of a row');
    },
    rewrite(match, builder) {
      const { axis, epsilon, sizes } = layerNormOf(match) as LayerNorm;
      const rows = ['scale', 'bias'].filter((as) => match.has(as));
      const given = rows.map((as) => asRow(match.view, match.value(as), sizes, builder));
      const ones = (): string => {
        const count = sizes.reduce((a, b) => a * b, 1);
        const type = match.view.type(match.value('x'));
        const double = type?.kind === 'tensor' && type.dtype === 'float64';
        const tensor: Tensor = double
          ? { dtype: 'float64', dims: sizes, data: new Float64Array(count).fill(1) }
          : float32(sizes, new Float32Array(count).fill(1));
        return builder.constant(tensor, 'ones');
      };
      const inputs = [match.value('x'), ...(scaled ? given : [ones()])];
      return builder.node('LayerNormalization', inputs, { axis: int(axis), epsilon: float(epsilon) });
    },
  };
}

/** ReduceMean, Sub, square, ReduceMean, Add, Sqrt, Div and the scale -> LayerNormalization. */
export const layerNormFromParts: readonly Rule[] = Object.entries(SCALED).map(([name, pattern]) =>
  fromParts(name, pattern, true),
);

/** The same without a scale, which the operator must have: a training would take the ones that are put there for a parameter. */
export const layerNormWithoutScale: readonly Rule[] = Object.entries(NORMALISED).map(([name, pattern]) =>
  fromParts(name, pattern, false),
);
