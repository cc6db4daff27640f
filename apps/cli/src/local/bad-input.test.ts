import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digits, temporaryFolder, verge, vergeProcess, writeConfig } from '../test-command.js';

interface Failure {
  error: { code: string; reason?: string; message: string; details: string[] };
}

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(at('not-a-model.onnx'), 'this is text');
  await writeFile(at('broken.yaml'), 'model: [unclosed');
  await writeFile(at('short.csv'), '1,2,a\n3,4,b\n5,6\n');
  await writeFile(
    at('recipe.json'),
    JSON.stringify({ name: 'Bad Name', passes: [{ pass: 'prune-filters', ratio: 2 }, { pass: 'melt' }], extra: 1 }),
  );
  await writeFile(at('good.json'), JSON.stringify({ name: 'good', passes: [{ pass: 'fold' }] }));
  await writeConfig(
    folder,
    {
      model: { architecture: 'lenet', parms: {}, params: { widht: 2, kernel: 'big' }, onnx: 'x' },
      epochs: 0,
      optimizer: { name: 'nadam' },
      batch: 3,
    },
    'bad.yaml',
  );
  await writeConfig(folder, { model: { architecture: 'nonesuch' } }, 'unknown.yaml');
  await writeConfig(folder, { distillation: {} }, 'no-teacher.yaml');
  await writeConfig(folder, { data: undefined }, 'no-data.yaml');
  await writeConfig(
    folder,
    { data: { path: 'nowhere' }, model: { onnx: 'no.onnx' }, teacher: 'none.onnx' },
    'nowhere.yaml',
  );
  await writeConfig(
    folder,
    {
      model: { architecture: 'mlp' },
      freeze: ['stem*'],
      optimizer: { name: 'sgd', groups: [{ match: ['tail'], frozen: true }] },
    },
    'patterns.yaml',
  );
  await writeConfig(folder, { data: { path: digits, format: 'hdf5' } }, 'hdf5.yaml');
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const train = (config: string): string[] => ['train', '--config', at(config), '--out', at(`out-${config}`)];
const evaluate = (model: string, data: string): string[] => ['evaluate', '--model', at(model), '--data', data];

describe('bad input', () => {
  it.each<[string, () => string[], number, object]>([
    [
      'a configuration, every field at once',
      () => train('bad.yaml'),
      2,
      {
        code: 'usage',
        details: expect.arrayContaining([
          'model.parms: no such field',
          'model.params.widht: no such parameter; there are width, kernel, dropout',
          'model.params.kernel: expected a whole number from 1',
          'model.onnx: not together with architecture, params',
          expect.stringMatching(/^epochs: /),
          expect.stringMatching(/^optimizer.name: .*'sgd' \| 'adamw'/),
          'batch: no such field',
        ]),
      },
    ],
    ['a configuration that is no YAML', () => train('broken.yaml'), 2, { code: 'usage' }],
    ['a configuration that is not there', () => train('absent.yaml'), 4, { code: 'missing' }],
    [
      'an unknown architecture',
      () => train('unknown.yaml'),
      2,
      {
        details: [expect.stringMatching(/^model.architecture: no architecture is called 'nonesuch'; there are mlp, /)],
      },
    ],
    [
      'every pattern that names no parameter',
      () => train('patterns.yaml'),
      2,
      {
        reason: 'bad-options',
        details: [
          "freeze: no parameter is called 'stem*'",
          "optimizer: no constant of the model is called 'tail'",
          expect.stringMatching(/^the parameters are .*weight/),
        ],
      },
    ],
    ['a distillation without a teacher', () => train('no-teacher.yaml'), 2, { reason: 'bad-options' }],
    [
      'a configuration without data',
      () => train('no-data.yaml'),
      2,
      { details: [expect.stringMatching(/^data.path: /)] },
    ],
    [
      'every file that is not there',
      () => train('nowhere.yaml'),
      4,
      {
        reason: 'not-found',
        details: [
          expect.stringMatching(/^data.path: '.*nowhere' does not exist$/),
          expect.stringMatching(/^model.onnx: '.*no.onnx' does not exist$/),
          expect.stringMatching(/^teacher: '.*none.onnx' does not exist$/),
        ],
      },
    ],
    [
      'a format that does not exist',
      () => train('hdf5.yaml'),
      2,
      { details: [expect.stringMatching(/^data.format: /)] },
    ],
    [
      'a recipe, every field at once',
      () => [
        'compress',
        '--model',
        at('not-a-model.onnx'),
        '--recipe',
        at('recipe.json'),
        '--data',
        digits,
        '--out',
        at('c'),
      ],
      2,
      {
        code: 'usage',
        details: expect.arrayContaining([
          expect.stringMatching(/^name: expected 1-63/),
          expect.stringMatching(/^passes.0.ratio: /),
          expect.stringMatching(/^passes.1.pass: expected 'fold' \| .*'prune-filters' \| .*'quantize-static'/),
          'extra: no such field',
        ]),
      },
    ],
    [
      'a device class',
      () => [
        'compress',
        '--model',
        at('x'),
        '--recipe',
        at('good.json'),
        '--data',
        digits,
        '--out',
        at('c'),
        '--class',
        'No Slug',
      ],
      2,
      { details: [expect.stringMatching(/^--class: /)] },
    ],
    [
      'a model that is none',
      () => evaluate('not-a-model.onnx', digits),
      2,
      {
        reason: expect.stringMatching(/malformed|truncated/),
        message: expect.stringMatching(/^'.*not-a-model.onnx' cannot be read as an ONNX model: /),
      },
    ],
    ['a model that is not there', () => ['inspect', '--model', at('absent.onnx')], 4, { code: 'missing' }],
    [
      'a number that is none',
      () => ['benchmark', '--model', at('x'), '--threads', 'many'],
      2,
      { message: expect.stringContaining('--threads: expected a whole number >= 1') },
    ],
    [
      'a fleet command without a server',
      () => ['models', 'list', '--url', 'http://127.0.0.1:9', '--project', 'p'],
      5,
      { code: 'unreachable', reason: 'UNREACHABLE' },
    ],
  ])('names %s', async (_name, argv, code, error) => {
    const run = await verge(...argv(), '--json');
    expect(run.json<Failure>().error).toMatchObject(error);
    expect(run.code).toBe(code);
    expect(run.stderr).toMatch(/^verge: /m);
  });

  it('names rows that cannot be read, and reads on when told to', async () => {
    const run = await verge('evaluate', '--model', at('not-a-model.onnx'), '--data', at('short.csv'), '--json');
    expect(run.code).toBe(2);
    await writeConfig(folder, { model: { architecture: 'mlp' }, data: { path: 'short.csv' } }, 'short.yaml');
    const strict = await verge(...train('short.yaml'), '--json');
    expect(strict.json<Failure>().error).toMatchObject({
      reason: 'unreadable-rows',
      message: expect.stringContaining('row at line 3: 2 cells, expected 3'),
    });
  });

  it('leaves no folder where nothing was trained or compressed', async () => {
    await verge(...train('nowhere.yaml'));
    await verge(...train('short.yaml'));
    const given = ['--model', at('not-a-model.onnx'), '--recipe', at('good.json'), '--data', digits];
    await verge('compress', ...given, '--class', 'here', '--threads', '1', '--out', at('out-compress'));
    expect((await readdir(folder)).filter((name) => name.startsWith('out-'))).toEqual([]);
  });

  it('advises on a word that is nearly right, and ends with 2', async () => {
    const run = await vergeProcess(['evalute']);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('Did you mean evaluate?');
    const scripted = await verge('evalute', '--json');
    expect(scripted.json<Failure>().error).toMatchObject({
      code: 'usage',
      message: "unknown command 'evalute'",
      details: ['(Did you mean evaluate?)'],
    });
    expect((await verge('datasets', '--json')).json<Failure>().error.message).toBe('expected a command');
    expect((await verge('--json', 'inspect', '--model', at('absent'))).json<Failure>().error.code).toBe('missing');
    expect((await verge('help')).code).toBe(0);
    const missing = await vergeProcess(['evaluate', '--data', digits]);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("required option '--model <file>'")]);
  });
});
