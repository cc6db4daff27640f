/** Networks of several inputs and outputs, against PyTorch's own step of SGD in double precision (goldens/ports.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, renameGraph, type Model, type Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { fit } from '../fit.js';
import type { FitOptions, FitResult } from '../fit-options.js';
import { inputTensor } from '../loop/feeds.js';
import { castInput, inputTypesOf } from '../loop/prepare.js';
import type { SampleSource } from '../loop/source.js';
import { memorySource } from '../loop/source.js';
import { fitLocal } from '../parallel/local-sgd/run.js';
import { predict } from '../predict.js';
import type { InputValues, TrainingSamples } from '../samples.js';
import { inputsOf } from './ports.js';

const goldens = new URL('../../goldens/', import.meta.url);

interface Case {
  readonly inputs: Readonly<Record<string, { shape: number[]; values: number[] }>>;
  readonly classes?: readonly number[];
  readonly targets?: readonly number[];
  readonly loss: number;
  readonly moved: number;
  readonly before: Readonly<Record<string, readonly number[]>>;
  readonly after: Readonly<Record<string, readonly number[]>>;
}
const golden = JSON.parse(readFileSync(new URL('ports.golden.json', goldens), 'utf8')) as {
  readonly rows: number;
  readonly learningRate: number;
  readonly cases: Readonly<Record<string, Case>>;
};
const read = (file: string): Model => decodeModel(readFileSync(new URL(`ports/${file}.onnx`, goldens)));
const exporters = ['ts17', 'dyn18'] as const;

/** The case's samples: `main` is x, `others` go in by name. */
function samplesOf(c: Case, main: string, others: readonly string[]): TrainingSamples {
  const values = (name: string): InputValues => Float32Array.from(c.inputs[name]!.values);
  const shape = (name: string): number[] => c.inputs[name]!.shape.slice(1);
  return {
    x: values(main),
    shape: shape(main),
    y: Int32Array.from(c.classes ?? { length: golden.rows }, (v) => v ?? 0),
    ...(others.length > 0 && {
      inputs: Object.fromEntries(others.map((name) => [name, { values: values(name), shape: shape(name) }])),
    }),
    ...(c.targets && { targets: Float32Array.from(c.targets) }),
  };
}

type Settings = Pick<FitOptions, 'model' | 'train'> & Partial<FitOptions>;

const settings = (o: Settings): FitOptions => ({
  ...{ createSession, validation: o.train, epochs: 1, batchSize: golden.rows, schedule: { name: 'constant' } },
  ...{ mode: 'eval', optimizer: { name: 'sgd', learningRate: golden.learningRate } },
  ...o,
});
const step = (o: Settings): Promise<FitResult> => fit(settings(o));

const largest = (values: readonly number[]): number => values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);

/** Runs the trained file as it is and compares an output with PyTorch's, relative to how far the step moved it. */
async function apart(model: Model, c: Case, output: string): Promise<number> {
  const types = inputTypesOf(model);
  const feeds: Record<string, Tensor> = {};
  for (const { name } of inputsOf(model.graph)) {
    const { shape, values } = c.inputs[name]!;
    feeds[name] = inputTensor(castInput(Float32Array.from(values), types[name]!), shape);
  }
  const session = await createSession(encodeModel(model));
  try {
    const result = (await session.run(feeds))[output]!.data as Float32Array;
    const [before, after] = [c.before[output]!, c.after[output]!];
    return largest(after.map((v, i) => v - result[i]!)) / largest(after.map((v, i) => v - before[i]!));
  } finally {
    await session.release();
  }
}

/** Of a step in single precision. */
const CLOSE = 1e-4;
const moved = (result: FitResult): number =>
  result.parameters.filter((p) => p.fate === 'moves').reduce((n, p) => n + p.elements, 0);

describe.each(exporters)('networks of several inputs and outputs, %s', (exporter) => {
  it('read token ids, masks and kinds, and train the output that is asked for', async () => {
    const [model, c] = [read(`bert.${exporter}`), golden.cases['bert']!];
    const train = samplesOf(c, 'input_ids', ['attention_mask', 'token_type_ids']);
    const result = await step({ model, train, output: 'logits' });
    expect(result.history[0]!.trainLoss).toBeCloseTo(c.loss, 5);
    expect(moved(result)).toBe(c.moved);
    expect(await apart(result.model, c, 'logits')).toBeLessThan(CLOSE);
    expect(await apart(result.model, c, 'hidden')).toBeLessThan(CLOSE);
    expect(result.model.graph.inputs).toEqual(model.graph.inputs);
    expect(result.model.graph.outputs).toEqual(model.graph.outputs);
    const { logits } = await predict(result.model, train, createSession, { output: 'logits' });
    expect(largest(c.after['logits']!.map((v, i) => v - logits[i]!))).toBeLessThan(1e-4);
  });

  it('take any of the inputs as the samples themselves, also from a source, in parts and in shards', async () => {
    const [model, c] = [read(`bert.${exporter}`), golden.cases['bert']!];
    const train = samplesOf(c, 'token_type_ids', ['input_ids', 'attention_mask']);
    const whole = await step({ model, train, output: 'logits' });
    const values = (r: FitResult): Float32Array[] =>
      [...r.model.graph.initializers.values()].flatMap(({ value }) =>
        'data' in value && value.dtype === 'float32' ? [value.data] : [],
      );
    const near = (a: FitResult): void =>
      values(a).forEach((v, i) => v.forEach((n, j) => expect(n).toBeCloseTo(values(whole)[i]![j]!, 5)));
    expect(await apart(whole.model, c, 'logits')).toBeLessThan(CLOSE);
    const source: SampleSource = { ...memorySource(train), digest: 'case' };
    near(await step({ model, train: source, output: 'logits' }));
    near(await step({ model, train, output: 'logits', accumulate: 2 }));
    const local = {
      shards: 1,
      localSteps: 1,
      outer: { learningRate: 1, momentum: 0, nesterov: false },
      innerState: 'keep',
    } as const;
    near(await fitLocal({ ...settings({ model, train, output: 'logits' }), local }));
  });

  it('add up losses of several outputs, each with targets of its own', async () => {
    const [model, c] = [read(`towers.${exporter}`), golden.cases['towers']!];
    const plain = samplesOf(c, 'left', ['right']);
    const loss = {
      kind: 'sum',
      terms: [
        { weight: 0.7, loss: { kind: 'mse' } },
        { weight: 0.3, loss: { kind: 'cross-entropy' }, of: 'kind', target: 'kind' },
      ],
    } as const;
    const train = { ...plain, namedTargets: { kind: Int32Array.from(c.classes!) } };
    const result = await step({ model, train, loss });
    expect(result.history[0]!.trainLoss).toBeCloseTo(c.loss, 5);
    // The loss of the same samples after the step, whatever validates it.
    expect(result.history[0]!.valLoss).toBeLessThan(c.loss);
    expect(moved(result)).toBe(c.moved);
    expect(await apart(result.model, c, 'score')).toBeLessThan(CLOSE);
    expect(await apart(result.model, c, 'kind')).toBeLessThan(CLOSE);
    await expect(step({ model, train: plain, loss })).rejects.toThrow("the targets 'kind'");
    const floats = { ...plain, namedTargets: { kind: Float32Array.from(c.classes!) } };
    await expect(step({ model, train: floats, loss })).rejects.toThrow('class indices (Int32Array)');
  });

  it('hold one number in inputs that are the same for all samples, whatever their type and however long the batch', async () => {
    const [model, c] = [read(`stepper.${exporter}`), golden.cases['stepper']!];
    const train = samplesOf(c, 'x', []);
    const fixedInputs = { state: 0.5, flip: 1, factor: 3 };
    const result = await step({ model, train, fixedInputs, loss: { kind: 'mse' } });
    expect(moved(result)).toBe(c.moved);
    expect(await apart(result.model, c, 'y')).toBeLessThan(CLOSE);
    expect(result.model.graph.inputs).toEqual(model.graph.inputs);
    const { logits } = await predict(result.model, train, createSession, { fixedInputs, batch: 3 });
    expect(largest(c.after['y']!.map((v, i) => v - logits[i]!))).toBeLessThan(1e-4);
  });

  it('are called as the file calls them, also where a training graph has such names', async () => {
    const [given, c] = [read(`bert.${exporter}`), golden.cases['bert']!];
    const names = new Map([
      ['attention_mask', 'step.mask'],
      ['token_type_ids', 'step.labels'],
      ['logits', 't.logits'],
    ]);
    const model = { ...given, graph: renameGraph(given.graph, names) };
    const { inputs, ...plain } = samplesOf(c, 'input_ids', ['attention_mask', 'token_type_ids']);
    const train = {
      ...plain,
      inputs: { 'step.mask': inputs!['attention_mask']!, 'step.labels': inputs!['token_type_ids']! },
    };
    const result = await step({ model, train, output: 't.logits' });
    expect(result.model.graph.inputs).toEqual(model.graph.inputs);
    const back = new Map([...names].map(([a, b]) => [b, a]));
    const renamed = { ...result.model, graph: renameGraph(result.model.graph, back) };
    expect(await apart(renamed, c, 'logits')).toBeLessThan(CLOSE);
  });
});

describe('inputs and outputs that do not fit', () => {
  const model = read('bert.ts17');
  const c = golden.cases['bert']!;
  const train = samplesOf(c, 'input_ids', ['attention_mask', 'token_type_ids']);

  it('are named, all at once', async () => {
    const { inputs, ...plain } = train;
    const wrong = step({
      model,
      train: { ...plain, inputs: { attention_mask: inputs!['attention_mask']!, segments: inputs!['token_type_ids']! } },
      ...{ fixedInputs: { masks: 1 }, dims: { length: 0 }, output: 'probabilities' },
    });
    await expect(wrong).rejects.toThrow(/no input 'masks'.*no input 'segments'.*also reads 'token_type_ids'/);
    await expect(wrong).rejects.toThrow(/dims\.length: expected a whole number.*no output 'probabilities'/);
  });

  it('are refused before a step where samples have another size', async () => {
    const { inputs, ...plain } = train;
    const kinds = inputs!['token_type_ids']!;
    const short = { ...kinds, shape: [5], values: kinds.values.subarray(0, 5 * golden.rows) };
    const given = { ...inputs, token_type_ids: short };
    await expect(step({ model, train: { ...plain, inputs: given }, output: 'logits' })).rejects.toThrow(
      "'token_type_ids' of the training samples is [5], the model reads [6]",
    );
    const few = { ...given, token_type_ids: { ...kinds, values: kinds.values.subarray(1) } };
    await expect(step({ model, train: { ...plain, inputs: few }, output: 'logits' })).rejects.toThrow(
      'inputs.token_type_ids holds 23 elements, 4 samples of [6] need 24',
    );
  });

  it('are numbers that an input cannot hold', async () => {
    const stepper = read('stepper.ts17');
    const samples = samplesOf(golden.cases['stepper']!, 'x', []);
    const fixedInputs = { state: 0.5, flip: 2, factor: 0.5 };
    await expect(step({ model: stepper, train: samples, fixedInputs, loss: { kind: 'mse' } })).rejects.toThrow(
      /fixedInputs\.flip: 2 does not fit bool.*fixedInputs\.factor: 0\.5 does not fit int64/,
    );
  });

  it('are sizes that nobody said', async () => {
    const open: Model = { ...read('stepper.ts17') };
    const inputs = open.graph.inputs.map((i) =>
      i.name === 'state' && i.type?.kind === 'tensor' ? { ...i, type: { ...i.type, shape: [1, 'n', 'width'] } } : i,
    );
    const wide = { ...open, graph: { ...open.graph, inputs } };
    const samples = samplesOf(golden.cases['stepper']!, 'x', []);
    const given = { model: wide, train: samples, fixedInputs: { state: 0.5, flip: 1, factor: 3 } };
    await expect(step({ ...given, loss: { kind: 'mse' } })).rejects.toThrow('is open; name it in dims');
    const result = await step({ ...given, loss: { kind: 'mse' }, dims: { width: 5 } });
    expect(await apart(result.model, golden.cases['stepper']!, 'y')).toBeLessThan(CLOSE);
  });

  it('are mixed samples whose other inputs or targets are not mixed', async () => {
    const towers = read('towers.ts17');
    const c = golden.cases['towers']!;
    const samples = { ...samplesOf(c, 'left', ['right']), namedTargets: { kind: Int32Array.from(c.classes!) } };
    const terms = [
      { weight: 1, loss: { kind: 'mse' as const } },
      { weight: 1, loss: { kind: 'cross-entropy' as const }, of: 'kind', target: 'kind' },
    ];
    const augmentation = { shift: 0, rotate: 0, scale: 0, flip: false, mixup: 0.2 };
    const mixed = step({ model: towers, train: samples, loss: { kind: 'sum', terms }, augmentation });
    await expect(mixed).rejects.toThrow("augmentation.mixup: it does not mix the input 'right', the targets 'kind'");
  });

  it('are two terms that read the same labels in two shapes', async () => {
    const towers = read('towers.ts17');
    const samples = samplesOf(golden.cases['towers']!, 'left', ['right']);
    const terms = [
      { weight: 1, loss: { kind: 'mse' as const } },
      { weight: 1, loss: { kind: 'mse' as const }, of: 'kind' },
    ];
    await expect(step({ model: towers, train: samples, loss: { kind: 'sum', terms } })).rejects.toThrow(
      "'step.target' is read as [4, 1] and [4, 4]: give one of the terms a `target` of its own",
    );
  });
});
