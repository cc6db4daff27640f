import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeModel, renameGraph, type Model } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '../fit.js';
import { floatsOf } from '../parameters.js';
import { fitLocal } from '../parallel/local-sgd/run.js';
import { separateParameters, trainingForm, withTrained } from './form.js';
import { replaceHead } from './head.js';
import { reinitialise } from './layers.js';
import { oneStep } from './one-step.js';

const read = (name: string): Model => decodeModel(readFileSync(new URL(`cases/${name}.onnx`, import.meta.url)));
const reserved = read('train_reserved_name');

describe('names that training graphs use', () => {
  it('are others inside, and their own in the result', async () => {
    const form = trainingForm(reserved);
    const { model, renamed } = form;
    expect([...renamed.keys()].sort()).toEqual(['t.bias', 't.weight']);
    expect([...model.graph.initializers.keys()]).toEqual(['model.t.weight', 'model.t.bias']);
    expect(withTrained(form, new Map())).toEqual(reserved);
    const { result, errors } = await oneStep(reserved, createSession, [4]);
    expect(result.parameters.map((p) => [p.name, p.fate])).toEqual([
      ['t.weight', 'moves'],
      ['t.bias', 'moves'],
    ]);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-5);
    expect([...result.model.graph.initializers.keys()]).toEqual(['t.weight', 't.bias']);
  });

  it('may be those of the training graph itself, and are what options speak of', async () => {
    const clash = new Map([
      ['t.weight', 'step.parameters'],
      ['t.bias', 'next.step.parameters'],
      ['x', 'step.labels'],
      ['y', 'gradient.step.parameters'],
    ]);
    const model = { ...reserved, graph: renameGraph(reserved.graph, clash) };
    expect([...model.graph.initializers.keys()]).toEqual(['step.parameters', 'next.step.parameters']);
    const frozen = await oneStep(model, createSession, [4], {
      trainable: (name) => name !== 'step.parameters',
      masks: new Map([['next.step.parameters', [0, 1, 1]]]),
    });
    const bias = floatsOf(frozen.result.model.graph.initializers.get('next.step.parameters'))!;
    expect([...bias].map((v) => v === 0)).toEqual([true, false, false]);
    expect(frozen.result.parameters.map((p) => p.fate)).toEqual(['frozen', 'moves']);
    const { result } = await oneStep(model, createSession, [4], {
      optimizer: { name: 'sgd', learningRate: 0.1, groups: [{ match: ['step.*'], frozen: true }] },
    });
    expect(result.parameters.map((p) => p.fate)).toEqual(['frozen', 'moves']);
    expect(result.model.graph.inputs.map((i) => i.name)).toEqual(['step.labels']);
  });

  it('go through local SGD as well', async () => {
    const samples = {
      x: Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)),
      shape: [4],
      y: new Int32Array(8).fill(1),
    };
    const plan = { createSession, train: samples, validation: samples, epochs: 2, batchSize: 4 };
    const optimizer = { name: 'sgd', learningRate: 0.1 } as const;
    const outer = { learningRate: 1, momentum: 0, nesterov: false };
    const local = { shards: 2, localSteps: 1, outer, innerState: 'reset' } as const;
    const result = await fitLocal({ ...plan, model: reserved, optimizer, local });
    expect([...result.model.graph.initializers.keys()]).toEqual(['t.weight', 't.bias']);
    expect(result.parameters).toHaveLength(2);
    const alone = await fit({ ...plan, model: reserved, optimizer });
    expect(alone.validation.loss).toBeLessThan(result.history[0]!.trainLoss);
  });
});

describe('weights in Constant nodes', () => {
  it('are trained, started anew and replaced like others', async () => {
    const given = read('train_constant_weight');
    const { result, errors } = await oneStep(given, createSession, [4]);
    expect(result.parameters.map((p) => p.name).sort()).toEqual(['b1', 'w0', 'w1']);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(1e-5);
    const fresh = floatsOf(reinitialise(given, ['w0']).graph.initializers.get('w0'))!;
    expect(fresh).not.toEqual(floatsOf(separateParameters(given).model.graph.initializers.get('w0')));
  });

  it('may be those of a head', () => {
    const given = read('train_constant_weight');
    const nodes = given.graph.nodes.filter((n) => n.op !== 'Gemm' && n.op !== 'Relu');
    const headless = {
      ...given,
      graph: { ...given.graph, nodes, outputs: [{ ...given.graph.outputs[0]!, name: 'h' }] },
    };
    const { model, parameters } = replaceHead(headless, { classes: 7 });
    expect(parameters).toEqual(['w0']);
    expect(model.graph.initializers.get('w0')!.value.dims).toEqual([4, 7]);
  });
});
