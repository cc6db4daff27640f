/** Graphs: reading, checking and shapes against onnx; simplified nodes and latency against onnxsim and onnxslim. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkModel,
  decodeModel,
  encodeModel,
  type FeedOptions,
  inferShapes,
  type Model,
  randomFeeds,
  simplify,
} from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { type Answer, Peer } from './_graph-peer.js';
import { cpuOf, latencies, median } from './_latency.js';
import { peerVersions } from './_python.js';
import type { Row } from './_row.js';

const ROUNDS = 15;
/** Loads in a round. */
const LOADS = 5;
/** Equal graphs differ by a few per cent in latency from one session to the next. */
const LATENCY_BAR = 0.9;

/** Published networks, by their path in the data folder, and inputs where random numbers of size 1 do not suit. */
const MODELS: ReadonlyMap<string, FeedOptions> = new Map([
  ['dtln/model_1.onnx', {}],
  ['dtln/model_2.onnx', {}],
  ['mlperf-tiny/ad/ad01_autoencoder_fp32.onnx', {}],
  ['mlperf-tiny/ic/resnet8_cifar10_fp32.onnx', {}],
  ['mlperf-tiny/kws/dscnn_kws_fp32.onnx', {}],
  ['mlperf-tiny/vww/vww_mobilenetv1_025_96_fp32.onnx', {}],
  ['mobilenetv1_0.25/mobilenet_v1_0.25_224_fp32.onnx', {}],
  ['mobilenetv2/mobilenet_v2_keras_coral_fp32_restored.onnx', {}],
  ['silero-vad/silero_vad_16k_op15.onnx', { dims: { batch: 1, sequence: 512 }, fill: { sr: 16000 } }],
]);
const LARGE = 'mobilenetv2/mobilenet_v2_keras_coral_fp32_restored.onnx';

function row(work: string, unit: string, ours: number, peer: number, peerName: string, bar: number): Row {
  const ratio = peer / ours;
  return { work, unit, ours, peer, peerName, ratio, bar, ok: ratio >= bar };
}

function readChecked(path: string): Model {
  const model = decodeModel(readFileSync(path));
  const errors = checkModel(model).filter((d) => d.severity === 'error');
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  return inferShapes(model);
}

/** CPU time of reading, checking and inferring, in turn; the first rounds warm both sides up and are not counted. */
async function reading(path: string, version: string, peer: Peer): Promise<Row> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = -3; round < ROUNDS; round++) {
    const mine = await cpuOf(LOADS, () => readChecked(path));
    const { cpu } = await peer.ask<{ cpu: number }>({ command: 'check', path, rounds: LOADS });
    if (round < 0) continue;
    ours.push(mine);
    theirs.push(cpu * 1000);
  }
  return row('MobileNetV2 (14 MB): load, check, infer shapes', 'CPU ms', median(ours), median(theirs), version, 1);
}

/** One model: nodes and latency as we, each peer and nobody simplifies it. */
async function simplification(
  folder: string,
  path: string,
  feedOptions: FeedOptions,
  peer: Peer,
  tools: ReadonlyMap<string, string>,
): Promise<Row[]> {
  const bytes = readFileSync(join(folder, path));
  const model = decodeModel(bytes);
  const ours = await simplify(model, createSession, { verify: feedOptions });
  const models = new Map<string, Uint8Array>([
    ['as exported', bytes],
    ['ours', encodeModel(ours.model)],
  ]);
  const nodes = new Map([
    ['as exported', ours.nodesBefore],
    ['ours', ours.nodesAfter],
  ]);
  const scratch = mkdtempSync(join(tmpdir(), 'verge-graph-'));
  try {
    for (const [tool, version] of tools) {
      const out = join(scratch, `${tool}.onnx`);
      const answer = await peer.ask<Answer>({ command: 'simplify', path: join(folder, path), out, tool });
      if ('error' in answer) console.log(`  ${path}: ${version} fails (${answer.error})`);
      else {
        models.set(version, readFileSync(out));
        nodes.set(version, answer.nodes);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const rounds = await latencies(models, randomFeeds(model, feedOptions), ROUNDS);
  const times = new Map([...rounds].map(([name, taken]) => [name, median(taken)]));
  const others = [...models.keys()].filter((name) => name !== 'ours');
  return [
    ...others.map((name) => row(`${path}: nodes`, 'nodes', nodes.get('ours')!, nodes.get(name)!, name, 1)),
    ...others.map((name) =>
      row(`${path}: inference`, 'CPU ms', times.get('ours')!, times.get(name)!, name, LATENCY_BAR),
    ),
  ];
}

export async function run(): Promise<Row[]> {
  const folder = process.env['VERGE_DATA'];
  if (!folder || !existsSync(folder)) {
    console.log('  VERGE_DATA names no folder with models: everything is skipped');
    return [];
  }
  const onnx = peerVersions(['onnx']);
  if (!onnx) return [];
  const tools = new Map<string, string>();
  for (const tool of ['onnxsim', 'onnxslim']) {
    const version = peerVersions([tool])?.[tool];
    if (version) tools.set(tool, `${tool} ${version.replace(/^v/, '')}`);
  }
  const peer = new Peer();
  try {
    const rows: Row[] = [];
    for (const [path, feedOptions] of MODELS) {
      if (!existsSync(join(folder, path))) {
        console.log(`  ${path} is missing in VERGE_DATA: skipped`);
        continue;
      }
      if (path === LARGE) rows.unshift(await reading(join(folder, path), `onnx ${onnx['onnx']}`, peer));
      rows.push(...(await simplification(folder, path, feedOptions, peer, tools)));
    }
    return rows;
  } finally {
    peer.end();
  }
}
