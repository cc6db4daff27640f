/** Graphs of other tools' models: latency as exported, as we simplify them and as onnxsim and onnxslim do. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNpzArrays } from '@verge/data';
import { decodeModel, encodeModel, type Model, simplify, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { type Answer, Peer } from './_graph-peer.js';
import { latencies, median } from './_latency.js';
import { peerVersions } from './_python.js';
import type { Row } from './_row.js';

const ROUNDS = 15;
/** How much slower a simplified model may measure: the same file measures so much slower than itself (rows `again`). */
const BAR = 0.95;

/** The larger models of tests/corpus, and the transformers. */
const MODELS =
  'timm_vit_tiny_patch16_224 dyn_vit_tiny tv_swin_t dyn_swin_t timm_coatnet_pico_rw_224 tv_convnext_tiny tv_densenet121 timm_mixer_s32_224 timm_efficientformer_l1 timm_mobilevit_xs timm_ghostnet_100 timm_tf_efficientnetv2_b0 tv_regnet_y_400mf tv_mobilenet_v3_small tv_shufflenet_v2_x0_5 tv_resnet18 nudenet__320n rapidocr_onnxruntime__ch_PP-OCRv4_rec_infer hf_bert hf_bert_sdpa hf_bert_dynamo hf_distilbert hf_gpt2 hf_llama hf_llama_dynamo hf_t5_encoder hf_clip hf_whisper_encoder pt_transformer pt_yolo pt_lstm_op17'.split(
    ' ',
  );

/** The stored inputs in the types that the model declares. */
async function feedsOf(model: Model, path: string): Promise<Record<string, Tensor>> {
  const arrays = await readNpzArrays(path);
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of model.graph.inputs) {
    const array = arrays.get(name);
    if (!array || type?.kind !== 'tensor') continue;
    const numbers = Array.from(array.data as ArrayLike<number | bigint>);
    const dims = array.dims;
    if (type.dtype === 'int64') feeds[name] = { dtype: 'int64', dims, data: BigInt64Array.from(numbers, BigInt) };
    else if (type.dtype === 'float32')
      feeds[name] = { dtype: 'float32', dims, data: Float32Array.from(numbers, Number) };
    else throw new Error(`${path}: an input of ${type.dtype}`);
  }
  return feeds;
}

/** Every candidate against the file as it was exported: the median over the rounds of the quotients of one round. */
async function timed(folder: string, name: string, peer: Peer, tools: ReadonlyMap<string, string>): Promise<Row[]> {
  const path = join(folder, `${name}.onnx`);
  const bytes = new Uint8Array(readFileSync(path));
  const model = decodeModel(bytes);
  const feeds = await feedsOf(model, join(folder, `${name}.npz`));
  const models = new Map<string, Uint8Array>([['exported', bytes]]);
  models.set('again', bytes);
  for (const forInference of [false, true]) {
    const simple = await simplify(model, createSession, { forInference, verify: { given: feeds, runs: 1 } });
    models.set(forInference ? '--for-inference' : 'simplified', encodeModel(simple.model));
  }
  const scratch = mkdtempSync(join(tmpdir(), 'verge-corpus-'));
  try {
    for (const [tool, version] of tools) {
      const out = join(scratch, `${tool}.onnx`);
      const answer = await peer.ask<Answer>({ command: 'simplify', path, out, tool });
      if ('error' in answer) console.log(`  ${name}: ${version} fails (${answer.error})`);
      else models.set(version, new Uint8Array(readFileSync(out)));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const times = await latencies(models, feeds, ROUNDS);
  const base = times.get('exported')!;
  return [...times].flatMap(([candidate, rounds]): Row[] => {
    if (candidate === 'exported') return [];
    const ratio = median(rounds.map((t, i) => base[i]! / t));
    const ours = candidate === 'simplified' || candidate === '--for-inference';
    const row = { work: `${name}: ${candidate}`, unit: 'CPU ms', peerName: 'as exported' };
    return [
      { ...row, ours: median(rounds), peer: median(base), ratio, bar: ours ? BAR : 0, ok: !ours || ratio >= BAR },
    ];
  });
}

export async function run(): Promise<Row[]> {
  const folder = process.env['VERGE_CORPUS'];
  if (!folder || !existsSync(folder)) {
    console.log('  VERGE_CORPUS names no folder with models (tests/corpus): everything is skipped');
    return [];
  }
  const tools = new Map<string, string>();
  for (const tool of ['onnxsim', 'onnxslim']) {
    const version = peerVersions([tool])?.[tool];
    if (version) tools.set(tool, `${tool} ${version.replace(/^v/, '')}`);
  }
  const only = process.env['VERGE_BENCH_ONLY']?.split(',');
  const peer = new Peer();
  try {
    const rows: Row[] = [];
    for (const name of only ?? MODELS) {
      if (!existsSync(join(folder, `${name}.onnx`))) console.log(`  ${name} is missing in VERGE_CORPUS: skipped`);
      else rows.push(...(await timed(folder, name, peer, tools)));
    }
    return rows;
  } finally {
    peer.end();
  }
}
