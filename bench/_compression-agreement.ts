/** How often int8 names the same class as float, on photographs that calibrated nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agreement, outputsOf } from './_compression-likeness.js';
import { photos } from './_compression-networks.js';
import { peerOf, quantized, SAMPLES } from './_compression-ptq.js';
import { once, type Journal } from './_journal.js';
import { peerVersions } from './_python.js';
import type { Row } from './_row.js';

const TEST = 400;
/** Per cent. */
const BARS = { 'mobilenetv1_0.25/mobilenet_v1_0.25_224_fp32.onnx': 88 } as const;

export async function agreementRows(journal: Journal): Promise<Row[]> {
  const data = process.env['VERGE_DATA'];
  const versions = peerVersions(['onnxruntime', 'onnx', 'sympy']);
  if (!data || !versions) return [];
  const rows: Row[] = [];
  for (const [file, bar] of Object.entries(BARS)) {
    const work = `${file.split('/')[0]}: top class as in float on ${TEST} crops of other photographs`;
    const measure = async () => {
      const path = join(data, file);
      const { calibration, test } = await photos(data, 224, 2 / 255, -1, SAMPLES, TEST);
      const expected = await outputsOf(readFileSync(path), test);
      const agrees = async (model: Uint8Array): Promise<number> => agreement(expected, await outputsOf(model, test));
      const ours = await agrees(await quantized(readFileSync(path), calibration));
      const made = peerOf(path, calibration, 'MinMax');
      if (!made) return null;
      const peer = await agrees(made.model);
      const peerName = `ONNX Runtime ${versions['onnxruntime']}, MinMax`;
      return { unit: '%', ours, peer, peerName, ratio: ours / peer, bar: bar / peer };
    };
    rows.push(...(await once(journal, work, measure)));
  }
  return rows;
}
