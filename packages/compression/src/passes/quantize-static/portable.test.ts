/** An int8 file says the same on a CPU that adds pairs of products in 16 bits: run on an emulated one where there is an emulator. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Samples } from '@verge/data';
import { encodeModel } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { buildArchitecture } from '@verge/training';
import { largestDifference, outputWith, randomTensor, shaken } from '../../test-models.js';
import { fold } from '../fold/fold.js';
import { quantizeStatic } from './quantize.js';

/** Haswell: AVX2, no VNNI. */
const EMULATOR = ['-cpu', 'Haswell-noTSX,-pcid,-x2apic,-tsc-deadline,-invpcid'];
/** As it is built: the emulated process reads no TypeScript. */
const RUNTIME = new URL('../../../../runtime/dist/index.js', import.meta.url).href;
const emulated =
  process.env['VERGE_TEST_FULL'] !== undefined &&
  process.arch === 'x64' &&
  spawnSync('qemu-x86_64', ['--version']).status === 0;

const child = `
import { readFileSync, writeFileSync } from 'node:fs';
const { createSession } = await import(process.argv[1]);
const session = await createSession(readFileSync(process.argv[2]));
const data = new Float32Array(new Uint8Array(readFileSync(process.argv[3])).buffer);
const y = await session.run({ [session.inputNames[0]]: { dtype: 'float32', dims: [8, 1, 8, 8], data } });
writeFileSync(process.argv[4], y[session.outputNames[0]].data);
process.exit(0);
`;

it.skipIf(!emulated).each(['uint8', 'int8'] as const)(
  'with %s activations, as on this machine (skipped without VERGE_TEST_FULL and qemu-x86_64)',
  async (int8Activation) => {
    const built = buildArchitecture('resnet', { input: [1, 8, 8], classes: 10, params: { channels: [16, 32] } });
    const { model } = await fold(shaken(built), createSession);
    const x = randomTensor([64, 1, 8, 8], 5).data;
    const train: Samples = { x, shape: [1, 8, 8], y: new Int32Array(64), labels: ['0'], name: 'noise' };
    const context = { createSession, train, validation: train };
    const target = { arch: 'x64' as const, int8Activation, vnni: false };
    const options = { calibration: 'min-max' as const, percentile: 99.99, samples: 64 };
    const { model: quantized } = await quantizeStatic(model, options, target, context);
    const folder = mkdtempSync(join(tmpdir(), 'verge-emulated-'));
    try {
      const [file, input, output] = ['m.onnx', 'x', 'y'].map((f) => join(folder, f)) as [string, string, string];
      const given = randomTensor([8, 1, 8, 8], 9);
      writeFileSync(file, encodeModel(quantized));
      writeFileSync(input, given.data);
      const node = [process.execPath, '--input-type=module', '-e', child, RUNTIME, file, input, output];
      execFileSync('qemu-x86_64', [...EMULATOR, ...node], { stdio: 'ignore' });
      const there = new Float32Array(new Uint8Array(readFileSync(output)).buffer);
      const here = await outputWith(createSession)(quantized, given);
      // Sums of integers are the same; floats behind them may round otherwise.
      expect(largestDifference(here, there)).toBeLessThan(1e-5 * Math.max(...here.map(Math.abs)));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  300_000,
);
