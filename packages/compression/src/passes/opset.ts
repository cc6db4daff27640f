/** Models in an operator set that a pass needs. */
import { convertOpset, type Model, OnnxError, opsetVersion } from '@verge/onnx';
import { CompressionError } from '../errors.js';

/**
 * @param why what needs it, as a clause
 * @returns the model, and by how many versions it was raised
 * @throws CompressionError `unsuitable-model` where something of the model is not said in that operator set
 */
export function atLeastOpset(model: Model, least: number, why: string): { model: Model; raised: number } {
  const opset = opsetVersion(model) ?? 0;
  if (opset >= least) return { model, raised: 0 };
  try {
    return { model: convertOpset(model, least).model, raised: least - opset };
  } catch (cause) {
    if (!(cause instanceof OnnxError)) throw cause;
    const what = `opset ${opset}: ${why} needs opset ${least}, and ${cause.message}`;
    throw new CompressionError('unsuitable-model', what, { cause });
  }
}
