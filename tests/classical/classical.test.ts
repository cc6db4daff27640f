/**
 * Models that scikit-learn, LightGBM and XGBoost exporters wrote (make-classical.py), through the verbs. What ONNX Runtime's
 * Python package answered is in cases/answers.json.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeModel, encodeModel, type Model, simplify, type Tensor } from '@verge/onnx';
import { createSession, createSessionInProcess, InferenceProcess, openSession } from '@verge/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verge } from '../../apps/cli/src/test-command.js';

interface Plain {
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly data: readonly (number | string)[];
}
type Answer = Plain | { readonly maps: Readonly<Record<string, readonly number[]>> };
interface Case {
  readonly feeds: Readonly<Record<string, Plain>>;
  readonly outputs: Readonly<Record<string, Answer>>;
  readonly right?: { readonly label: number; readonly score: number };
}

const folder = fileURLToPath(new URL('cases', import.meta.url));
const file = (name: string): string => join(folder, name);
const answers = JSON.parse(await readFile(file('answers.json'), 'utf8')) as Record<string, Case>;
const names = Object.keys(answers);

const tensors = (feeds: Case['feeds']): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, dims, data }]): [string, Tensor] => [
      name,
      dtype === 'string'
        ? { dtype, dims, data: data as string[] }
        : { dtype: 'float32', dims, data: Float32Array.from(data as number[]) },
    ]),
  );

/** Maps as a tensor of scores: a row for each sample, a column for each class. */
function asTensor(answer: Answer): Plain {
  if (!('maps' in answer)) return answer;
  const columns = Object.values(answer.maps);
  const rows = columns[0]!.length;
  const data = Array.from(
    { length: rows * columns.length },
    (_, i) => columns[i % columns.length]![Math.floor(i / columns.length)]!,
  );
  return { dtype: 'float32', dims: [rows, columns.length], data };
}

function agree(found: Readonly<Record<string, Tensor>>, wanted: Case['outputs']): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, answer] of Object.entries(wanted)) {
    const { dtype, dims, data } = asTensor(answer);
    expect([name, found[name]!.dtype, found[name]!.dims]).toEqual([name, dtype, dims]);
    Array.from(found[name]!.data as ArrayLike<number | bigint | string>).forEach((value, i) => {
      if (dtype !== 'float32') expect(String(value)).toBe(String(data[i]));
      // Another build of ONNX Runtime sums in another order.
      else
        expect(Math.abs(Number(value) - Number(data[i]))).toBeLessThanOrEqual(
          1e-5 * Math.max(1, Math.abs(Number(data[i]))),
        );
    });
  }
}

async function runs(model: Model, of: Case): Promise<void> {
  const session = await createSession(encodeModel(model));
  try {
    agree(await session.run(tensors(of.feeds)), of.outputs);
  } finally {
    await session.release();
  }
}

describe.each(names)('%s', (name) => {
  const of = answers[name]!;
  const read = async (): Promise<Model> => decodeModel(await readFile(file(`${name}.onnx`)));

  it('answers as in Python, here and in a process', async () => {
    await runs(await read(), of);
    const served = await InferenceProcess.start(await readFile(file(`${name}.onnx`)), name);
    const maps = Object.values(of.outputs).filter((answer) => 'maps' in answer).length;
    expect(served.changes.filter(({ kind }) => kind === 'zipmap')).toHaveLength(maps);
    agree((await served.run(tensors(of.feeds))).outputs, of.outputs);
    await served.close();
  });

  it('answers the same when it is simplified', async () => {
    const { model } = await simplify(await read(), createSession, { verifyWith: createSessionInProcess });
    await runs(model, of);
  });
});

describe('verge evaluate', () => {
  const judged = names.filter((name) => answers[name]!.right?.score !== undefined);
  const evaluate = async (name: string, ...args: string[]) =>
    verge('evaluate', '--model', file(`${name}.onnx`), '--data', file('iris.csv'), '--runs', '1', '--json', ...args);

  it.each(judged)('counts as Python does, by scores and by labels: %s', async (name) => {
    const { right, outputs } = answers[name]!;
    const scored = (await evaluate(name)).json<{ samples: number; accuracy: number; top5: number; notes: string[] }>();
    expect([scored.samples, Math.round(scored.accuracy * 150), scored.top5]).toEqual([150, right!.score, 1]);
    const [label, scores] = Object.keys(outputs);
    expect(scored.notes).toContain(`classes are read from the scores of output '${scores}'`);
    const labelled = (await evaluate(name, '--output', label!)).json<{
      accuracy: number;
      top5: null;
      notes: string[];
    }>();
    expect([Math.round(labelled.accuracy * 150), labelled.top5]).toEqual([right!.label, null]);
    // Classes 0, 1, 2 are those of the data in order; names are looked up.
    const text = asTensor(outputs[label!]!).dtype === 'string';
    expect(labelled.notes.at(-1)).toMatch(text ? /matched .* by name/ : /matched .* by position/);
  });

  it('names the outputs when none says classes, or the one that is asked for does not', async () => {
    const regressor = await evaluate('xgboost-regressor');
    expect(regressor.code).toBe(2);
    expect(regressor.stdout).toMatch(/no output says classes.*'variable' float32/);
    const wrong = await evaluate('logistic', '--output', 'probability');
    expect([wrong.code, wrong.stdout]).toEqual([2, expect.stringContaining("'output_probability' float32")]);
  });

  it('says which inputs it cannot fill', async () => {
    const { code, stdout } = await evaluate('columns');
    expect(code).toBe(2);
    expect(stdout).toMatch(/2 inputs \('length' .*, 'width' .*\)/);
    expect(stdout).toMatch(/'width' is string/);
  });
});

describe('other verbs', () => {
  let out: string;
  beforeAll(async () => void (out = await mkdtemp(join(tmpdir(), 'verge-classical-'))));
  afterAll(async () => rm(out, { recursive: true, force: true }));

  it.each(['logistic', 'forest-strings', 'lightgbm', 'xgboost', 'columns'])('%s', async (name) => {
    const model = ['--model', file(`${name}.onnx`)];
    expect((await verge('inspect', ...model)).code).toBe(0);
    expect((await verge('benchmark', ...model, '--runs', '1', '--warmup', '0')).code).toBe(0);
    expect((await verge('simplify', ...model, '--out', join(out, `${name}.onnx`))).code).toBe(0);
    const session = await openSession(await readFile(join(out, `${name}.onnx`)));
    agree(await session.run(tensors(answers[name]!.feeds)), answers[name]!.outputs);
    await session.release();
  });
});
