import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createSession } from '../conformance/executor.js';
import { decodeModel, partition, summarize, type Model } from '../index.js';
import { simplify } from './simplify.js';

const folder = new URL('../cases/models/', import.meta.url);
const read = (name: string): Model => decodeModel(new Uint8Array(readFileSync(new URL(`${name}.onnx`, folder))));
const opsOf = (model: Model): string[] =>
  model.graph.nodes.map((node) => [node.domain, node.op].filter(Boolean).join('.'));

it('attention is one node for inference, of the domain of ONNX Runtime where the operator set has none', async () => {
  const plain = await simplify(read('fuse_attention'), createSession);
  expect(opsOf(plain.model)).toContain('Softmax');
  expect([...plain.model.opsets.keys()]).toEqual(['']);
  const fused = await simplify(read('fuse_attention'), createSession, { forInference: true });
  expect(opsOf(fused.model)).toEqual(['com.microsoft.Attention']);
  expect(fused.model.opsets.get('com.microsoft')).toBe(1);
  const standard = await simplify(read('fuse_attention_packed'), createSession, { forInference: true });
  expect(opsOf(standard.model)).toContain('Attention');
  expect([...standard.model.opsets.keys()]).toEqual(['']);
});

it('an encoder and a decoder in parts are few nodes for inference', async () => {
  const encoder = await simplify(read('fuse_encoder'), createSession, { forInference: true });
  const [attention, sum, ...rest] = opsOf(encoder.model);
  expect([attention, sum]).toEqual(['com.microsoft.Attention', 'com.microsoft.SkipLayerNormalization']);
  expect(rest).toEqual(['MatMul', 'Add', 'com.microsoft.FastGelu', 'MatMul', 'Add', sum]);
  const decoder = await simplify(read('fuse_decoder'), createSession, { forInference: true });
  expect(opsOf(decoder.model).filter((op) => op.startsWith('com.microsoft.'))).toEqual([
    'com.microsoft.Attention',
    'com.microsoft.QuickGelu',
  ]);
});

it('attention stays in its parts where roundings may not move', async () => {
  const { model } = await simplify(read('fuse_attention'), createSession, { forInference: true, fuse: false });
  expect(opsOf(model)).toContain('Softmax');
});

it('what it wrote is counted and cut into stages', async () => {
  const names = ['fuse_encoder', 'fuse_decoder', 'fuse_attention_packed'];
  for (const name of names) {
    const before = summarize(read(name), { batch: 2 });
    const { model } = await simplify(read(name), createSession, { forInference: true });
    const { macs, unknown } = summarize(model, { batch: 2 });
    expect(unknown).toEqual([]);
    expect(macs).toBeGreaterThan(0);
    expect(macs).toBe(before.macs);
    expect(partition(model, { stages: 2 }).stages).toHaveLength(2);
  }
});
