/** Checks a gradient rule against central differences of the operator itself. For tests; it needs a session factory. */
import { elementCount, encodeModel, float32, type Model, type SessionFactory, type Tensor } from '@verge/onnx';
import { Random } from '../random.js';
import { buildVectorJacobianModel, OUTPUT } from '../training-model.js';
import type { Mode } from './row.js';

export interface DifferenceOptions {
  /** Values by graph input; the float32 ones are moved. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly wrt: readonly string[];
  readonly mode?: Mode;
  /** Channels in a block of the blocked layout, where there is one. */
  readonly block?: number;
  /** Half the distance of the two evaluations; kinks must be farther away. */
  readonly step?: number;
}

/**
 * Compares the gradient of sum(r * output), r random, with central differences in double precision, improved by
 * Richardson's extrapolation from two steps, so that their own error is of fourth order.
 * @returns the largest difference for each input, relative to the largest element of its gradient
 */
export async function gradientErrors(
  model: Model,
  createSession: SessionFactory,
  options: DifferenceOptions,
): Promise<Map<string, number>> {
  const { wrt, mode, block } = options;
  return differenceErrors(buildVectorJacobianModel(model, { wrt, mode, block }), createSession, options);
}

/** The same for a graph with the inputs and outputs of `buildVectorJacobianModel`. */
export async function differenceErrors(
  graph: Model,
  createSession: SessionFactory,
  { feeds, wrt, step = 0.05 }: DifferenceOptions,
): Promise<Map<string, number>> {
  const session = await createSession(encodeModel(graph), { optimization: 'extended' });
  try {
    const type = graph.graph.outputs.find((o) => o.name === OUTPUT)?.type;
    const dims = (type?.kind === 'tensor' ? type.shape : [])!.map(Number);
    const random = new Random(11, 'projection');
    const r = Float32Array.from({ length: elementCount(dims) }, () => random.uniform(-1, 1));
    // Where nothing flows back, the seed is not asked for, and where only sizes are read, no values are.
    const asked = (values: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
      Object.fromEntries(Object.entries(values).filter(([name]) => session.inputNames.includes(name)));
    const known = { ...feeds, seed: float32(dims, r) };
    const analytic = await session.run(asked(known));
    const project = async (moved: Record<string, Tensor>): Promise<number> => {
      const y = (await session.run(asked({ ...known, ...moved }), [OUTPUT]))[OUTPUT]!;
      return (y.data as Float32Array).reduce((sum, v, i) => sum + v * r[i]!, 0);
    };
    const errors = new Map<string, number>();
    for (const name of wrt) {
      const input = feeds[name] as Tensor & { dtype: 'float32' };
      const exact = analytic[`gradient.${name}`]!.data as Float32Array;
      const difference = async (i: number, h: number): Promise<number> => {
        const at = async (delta: number): Promise<[number, number]> => {
          const data = input.data.slice();
          data[i] = data[i]! + delta;
          return [data[i]!, await project({ [name]: float32(input.dims, data) })];
        };
        const [x1, y1] = await at(h);
        const [x0, y0] = await at(-h);
        return (y1 - y0) / (x1 - x0);
      };
      let worst = 0;
      for (let i = 0; i < exact.length; i++) {
        const numeric = (4 * (await difference(i, step / 2)) - (await difference(i, step))) / 3;
        worst = Math.max(worst, Math.abs(numeric - exact[i]!));
      }
      const scale = exact.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      errors.set(name, worst / (scale || 1));
    }
    return errors;
  } finally {
    await session.release();
  }
}
