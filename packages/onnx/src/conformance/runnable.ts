/** Test support: the node cases that ONNX Runtime runs, to put graphs before and after a change side by side. */
import { encodeModel, type DataType } from '../index.js';
import { nodeCases } from './archive.js';
import { casesOf, type Case } from './cases.js';
import { createSession } from './executor.js';

/** Element types that ONNX Runtime's binding for Node carries; it aborts on others. */
const CARRIED: readonly DataType[] = [
  ...(['float16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8'] as const),
  ...(['uint16', 'uint32', 'uint64', 'bool', 'string'] as const),
];

/** Operators that draw random numbers: two runs of one model differ. */
const RANDOM = /bernoulli|multinomial|random|dropout.*training/;

/** Inputs and outputs are tensors that can be handed over, and the case says what the inputs are. */
function isPlain({ name, model: { graph }, inputs }: Case): boolean {
  const plain = [...graph.inputs, ...graph.outputs].every(
    ({ type }) => type?.kind === 'tensor' && type.dtype !== null && CARRIED.includes(type.dtype),
  );
  return plain && !RANDOM.test(name) && graph.inputs.every((input) => inputs.has(input.name));
}

async function runs({ model, inputs }: Case): Promise<boolean> {
  const session = await createSession(encodeModel(model), { optimization: 'disabled' }).catch(() => null);
  if (!session) return false;
  try {
    await session.run(Object.fromEntries(inputs));
    return true;
  } catch {
    return false;
  } finally {
    await session.release();
  }
}

/** Every `step`-th of the cases that `wanted` takes and ONNX Runtime runs. */
export async function* runnableCases(
  folder: string,
  step: number,
  wanted: (one: Case) => boolean = () => true,
): AsyncGenerator<Case> {
  const plain = casesOf(nodeCases(folder)).filter((one) => isPlain(one) && wanted(one));
  for (const [i, one] of plain.entries()) if (i % step === 0 && (await runs(one))) yield one;
}
