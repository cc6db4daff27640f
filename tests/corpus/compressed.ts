/** `compress` on a model of the corpus. */
import { compress } from '@verge/compression';
import { encodeModel, type Graph, type Model } from '@verge/onnx';
import { benchmarkModels, createSession, openSession } from '@verge/runtime';
import { fedBy, labelled, numbersOf, type Tensors } from './samples.js';

/** Operators whose weights are quantised. */
const WEIGHTED = ['Conv', 'Gemm', 'MatMul'];

/** Whether a layer has weights in float32: what is quantised already, or holds halves, is not quantised again. */
function hasLayers({ nodes, initializers }: Graph): boolean {
  const constants = new Map([...initializers].map(([name, { value }]) => [name, value.dtype]));
  for (const node of nodes) {
    const value = node.attributes.get('value');
    if (node.op === 'Constant' && value?.kind === 'tensor') constants.set(node.outputs[0]!, value.value.value.dtype);
    const same = node.op === 'Identity' ? constants.get(node.inputs[0]!) : undefined;
    if (same) constants.set(node.outputs[0]!, same);
  }
  return nodes.some(({ op, inputs }) => WEIGHTED.includes(op) && constants.get(inputs[1]!) === 'float32');
}

/**
 * Folds and quantises to int8; what comes out must run and give numbers. A model without a layer to quantise must be refused with
 * that reason.
 * @returns false where it has no such layer
 */
export async function compressOnce(model: Model, feeds: Tensors, truth: Tensors): Promise<boolean> {
  if (!hasLayers(model.graph)) {
    const said = await quantised(model, feeds).catch((error: unknown) => String(error));
    if (!String(said).includes('no Conv, Gemm or MatMul can be quantized'))
      throw new Error(`refused otherwise: ${String(said)}`);
    return false;
  }
  const session = await openSession(await quantised(model, feeds));
  try {
    for (const [name, { dtype, data }] of Object.entries(await session.run(feeds))) {
      const finite = truth[name] && numbersOf(truth[name]).every(Number.isFinite);
      if (dtype === 'float32' && finite && !(data as Float32Array).every(Number.isFinite))
        throw new Error(`output '${name}' is no number`);
    }
  } finally {
    await session.release();
  }
  return true;
}

async function quantised(model: Model, feeds: Tensors): Promise<Uint8Array> {
  const fed = fedBy(feeds);
  const samples = labelled(
    fed,
    Array.from({ length: fed.batch }, () => '0'),
    2,
  );
  const { model: bytes, report } = await compress({
    model: encodeModel(model),
    recipe: {
      schema: 'verge.recipe/1',
      name: 'int8',
      passes: [{ pass: 'fold' }, { pass: 'quantize-static', samples: fed.batch }],
    },
    target: { name: 'x64' },
    data: { train: samples, validation: samples, test: samples },
    createSession,
    benchmark: (models, options) => benchmarkModels(models, { ...options, runs: 1, warmup: 0, minRoundMs: 0 }),
  });
  if (!report.passes.find(({ pass }) => pass === 'quantize-static')?.changes['weights'])
    throw new Error('nothing was quantised');
  return bytes;
}
