import { describe, expect, it } from 'vitest';
import { decodeModel, inferShapes, OnnxError, valueTypes } from '../index.js';
import { dataFolder, looseModels } from './archive.js';
import { bare, inferenceCases, verdict, type Case } from './cases.js';
import { EXCEPTIONS, OPEN } from './exceptions.js';

const folder = dataFolder('shape inference against the stored results of the ONNX 1.22 node tests');

interface Finding {
  verdict: 'exact' | 'open' | 'wrong';
  /** The operators of the case, in the order in which they first occur. */
  operators: string;
  text: string;
}

/** The outputs of a case against what was inferred from its inputs alone. */
function findings({ model, inputs, outputs }: Case): Finding[] {
  const operators = [...new Set(model.graph.nodes.map((n) => n.op))].join(' ');
  const { graph } = inferShapes(bare(model), { known: inputs });
  return graph.outputs.map(({ name, type }) => {
    const stored = outputs.get(name);
    if (!stored) throw new Error(`output ${name} is not stored`);
    return { verdict: verdict(type, stored), operators, text: `${name}: ${JSON.stringify(type)}` };
  });
}

describe.skipIf(!folder)('shape inference', () => {
  it('agrees with the stored results of the node tests', () => {
    const all = inferenceCases(folder!);
    const outputs = { exact: 0, open: 0 };
    const open: Record<string, number> = {};
    const wrong: string[] = [];
    for (const one of all) {
      let found: Finding[];
      try {
        found = findings(one);
      } catch (error) {
        if (!(error instanceof OnnxError)) throw error;
        wrong.push(`${one.name}: ${error.message}`);
        continue;
      }
      for (const f of found) {
        if (f.verdict === 'wrong') wrong.push(`${one.name}: ${f.text}`);
        else outputs[f.verdict]++;
      }
      const left = found.find((f) => f.verdict === 'open');
      if (left) open[left.operators] = (open[left.operators] ?? 0) + 1;
    }
    console.log(
      `${all.length} cases: ${outputs.exact} outputs agree exactly, ${outputs.open} as far as known, ` +
        `${wrong.length} disagree`,
    );
    const listed = new Set(Object.keys(EXCEPTIONS));
    expect(wrong.filter((text) => !listed.has(text.split(':')[0]!))).toEqual([]);
    // An entry that is no longer needed is an error too.
    const failed = new Set(wrong.map((text) => text.split(':')[0]!));
    expect([...listed].filter((name) => !failed.has(name))).toEqual([]);
    expect(open).toEqual(Object.fromEntries(Object.entries(OPEN).map(([operators, { cases }]) => [operators, cases])));
    expect({ cases: all.length, ...outputs }).toEqual({ cases: 1765, exact: 2143, open: 36 });
  });

  it('finds every shape of published networks from their inputs alone', () => {
    const rows = looseModels(folder!).map(({ path, bytes }) => {
      const model = decodeModel(bytes);
      const { graph } = inferShapes(bare(model));
      const types = valueTypes(graph);
      const values = graph.nodes.flatMap((n) => n.outputs).filter((o) => o !== '');
      const ranked = values.filter((v) => {
        const type = types.get(v);
        return type?.kind === 'tensor' && type.dtype !== null && type.shape !== null;
      });
      return [path.split('/').at(-1), values.length, ranked.length];
    });
    // The last one chooses between branches of different ranks, all but one of which contradict the nodes behind them.
    expect(rows).toEqual([
      ['model_1.onnx', 40, 40],
      ['model_2.onnx', 84, 84],
      ['ad01_autoencoder_fp32.onnx', 20, 20],
      ['resnet8_cifar10_fp32.onnx', 24, 24],
      ['dscnn_kws_fp32.onnx', 23, 23],
      ['vww_mobilenetv1_025_96_fp32.onnx', 59, 59],
      ['mobilenet_v1_0.25_224_fp32.onnx', 59, 59],
      ['mobilenet_v2_keras_coral_fp32_restored.onnx', 102, 102],
      ['silero_vad_16k_op15.onnx', 122, 122],
    ]);
  });
});
