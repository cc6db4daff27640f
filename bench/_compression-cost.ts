/** What quantising MobileNetV2 on 64 photographs takes: CPU time and memory beyond what the runtime holds anyway. */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { photos } from './_compression-networks.js';
import { peerOf, SAMPLES } from './_compression-ptq.js';
import { once, type Journal } from './_journal.js';
import { peerVersions } from './_python.js';
import type { Row } from './_row.js';

/** CPU seconds, and MiB. */
const BARS = { cpu: 6.4, memory: 300 } as const;
const CHILD = join(dirname(fileURLToPath(import.meta.url)), '_compression-cost-child.js');

export async function resourceRows(journal: Journal): Promise<Row[]> {
  const data = process.env['VERGE_DATA'];
  const versions = peerVersions(['onnxruntime', 'onnx', 'sympy']);
  if (!data || !versions) return [];
  const path = join(data, 'mobilenetv2', 'mobilenet_v2_keras_coral_fp32_restored.onnx');
  let both: { ours: { cpu: number; memory: number }; peer: { cpu: number; memory: number } | null } | undefined;
  const measure = async () => {
    const ours = JSON.parse(execFileSync(process.execPath, [CHILD, path, data], { encoding: 'utf8' }));
    const { calibration } = await photos(data, 224, 2 / 255, -1, SAMPLES, 1);
    return { ours, peer: peerOf(path, calibration, 'MinMax') };
  };
  const rows: Row[] = [];
  for (const [what, unit] of [
    ['cpu', 'CPU s'],
    ['memory', 'MiB'],
  ] as const) {
    const work = `MobileNetV2, int8 by default from ${SAMPLES} photographs: ${what === 'cpu' ? 'CPU time' : 'peak memory beyond the runtime'}`;
    rows.push(
      ...(await once(journal, work, async () => {
        const { ours, peer } = (both ??= await measure());
        if (!peer) return null;
        const peerName = `ONNX Runtime ${versions['onnxruntime']}, MinMax`;
        const ratio = peer[what] / ours[what];
        return { unit, ours: ours[what], peer: peer[what], peerName, ratio, bar: peer[what] / BARS[what] };
      })),
    );
  }
  return rows;
}
