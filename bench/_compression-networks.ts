/** The networks that quantisers are compared on: published ones, and small ones of many topologies. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { decodeModel } from '@verge/onnx';
import { readFileSync } from 'node:fs';
import { crops, noise, spoken, type Parts } from './_compression-samples.js';

export interface Network {
  readonly name: string;
  readonly path: string;
  samples(count: number): Promise<Parts> | Parts;
}

const speech = (data: string): string => join(data, 'fsdd', 'recordings.tar.gz');

/** What the published networks read. */
const published: Readonly<Record<string, (data: string, count: number) => Promise<Parts> | Parts>> = {
  'mobilenetv2/mobilenet_v2_keras_coral_fp32_restored': (data, count) => photos(data, 224, 2 / 255, -1, count),
  'mobilenetv1_0.25/mobilenet_v1_0.25_224_fp32': (data, count) => photos(data, 224, 2 / 255, -1, count),
  'mlperf-tiny/vww/vww_mobilenetv1_025_96_fp32': (data, count) => photos(data, 96, 1 / 255, 0, count),
  'mlperf-tiny/ic/resnet8_cifar10_fp32': (data, count) => photos(data, 32, 1, 0, count),
  'mlperf-tiny/kws/dscnn_kws_fp32': (data, count) => {
    const mfcc = { op: 'mfcc', rate: 16000, fft: 512, window: 480, hop: 320, mels: 40, fmin: 20, fmax: 4000 };
    const steps = [
      { op: 'resample', rate: 16000 },
      { op: 'fit-length', steps: 16000, keep: 'center' },
      { ...mfcc, center: false, log: 'natural', floor: 1e-6, coefficients: 10 },
      { op: 'to-image' },
    ];
    return spoken(speech(data), steps, { layout: 'CHW', shape: [1, 49, 10] }, [1, 49, 10], count);
  },
  'mlperf-tiny/ad/ad01_autoencoder_fp32': (data, count) => {
    const steps = [
      { op: 'resample', rate: 16000 },
      { op: 'fit-length', steps: 3072, keep: 'center' },
      { op: 'log-mel', rate: 16000, fft: 1024, hop: 512, mels: 128, center: false },
    ];
    return spoken(speech(data), steps, { layout: 'TC', shape: [5, 128] }, [640], count);
  },
};

export const photos = (
  data: string,
  size: number,
  scale: number,
  offset: number,
  count: number,
  test = count,
): Promise<Parts> => crops(join(data, 'photos'), size, { scale, offset }, { calibration: count, test });

/** Every model of the folder of topologies, on noise of the shape that its input has. */
function topologies(folder: string): Network[] {
  if (!existsSync(folder)) {
    console.log(`  skipped: no topologies in '${folder}'; VERGE_TOPOLOGIES names another folder`);
    return [];
  }
  return readdirSync(folder)
    .filter((f) => f.endsWith('.onnx'))
    .sort()
    .map((file) => ({
      name: basename(file, '.onnx'),
      path: join(folder, file),
      samples: (count) => {
        const { graph } = decodeModel(readFileSync(join(folder, file)));
        const type = graph.inputs.find(({ name }) => !graph.initializers.has(name))!.type;
        const shape = type?.kind === 'tensor' ? (type.shape ?? []) : [];
        return noise(shape.slice(1).map(Number), count);
      },
    }));
}

/** What the environment names: `VERGE_DATA` the published networks, `VERGE_TOPOLOGIES` a folder of ONNX files. */
export function networks(): Network[] {
  const data = process.env['VERGE_DATA'];
  if (!data) console.log('  skipped: VERGE_DATA names no folder with networks and samples');
  const known = Object.entries(published).map(([file, samples]): Network => {
    const path = join(data ?? '', `${file}.onnx`);
    return { name: basename(file), path, samples: (count) => samples(data ?? '', count) };
  });
  const folder = process.env['VERGE_TOPOLOGIES'] ?? join(data ?? '', '..', 'cases', 'compression', 'topologies');
  return [...(data ? known : []), ...topologies(folder)];
}
