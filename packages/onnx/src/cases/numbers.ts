/** Test support: what ONNX Runtime gives for a model, and how far two results are apart. */
import { createSession } from '../conformance/executor.js';
import { encodeModel, type Model, type Tensor } from '../index.js';

export type Values = Readonly<Record<string, Tensor>>;

/** The tensors that a model gives, sequences and maps as the session tells them; graph optimisation disabled. */
export async function resultsOf(model: Model, feeds: Values): Promise<Values> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' });
  try {
    return await session.run(Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!])));
  } finally {
    await session.release();
  }
}

/**
 * What is wrong with `actual`: '' where every output has the type and shape of the expected one and no number is further
 * off than `relative` times the largest finite number of its output.
 */
export function difference(expected: Values, actual: Values, relative: number): string {
  for (const [name, a] of Object.entries(expected)) {
    const b = actual[name];
    if (!b) return `${name} is missing`;
    if (b.dtype !== a.dtype || b.dims.join() !== a.dims.join()) {
      return `${name} is ${b.dtype}[${b.dims}], not ${a.dtype}[${a.dims}]`;
    }
    const found = elementDifference(a, b, relative);
    if (found !== '') return `${name}: ${found}`;
  }
  return '';
}

function elementDifference(a: Tensor, b: Tensor, relative: number): string {
  const finite = Array.from(a.data as ArrayLike<unknown>, Number).filter(Number.isFinite);
  const allowed = relative * finite.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [a.data[i]!, b.data[i]!];
    if (x === y || (Number.isNaN(Number(x)) && Number.isNaN(Number(y)) && typeof x === 'number')) continue;
    const apart = typeof x === 'string' ? Infinity : Math.abs(Number(x) - Number(y));
    if (!(apart <= allowed)) return `element ${i} is ${y}, not ${x}`;
  }
  return '';
}

/** Only the shapes of results. */
export const shapesOnly = (values: Values): Values =>
  Object.fromEntries(
    Object.entries(values).map(([name, { dims }]) => [
      name,
      { dtype: 'int64', dims: [dims.length], data: BigInt64Array.from(dims, BigInt) },
    ]),
  );
