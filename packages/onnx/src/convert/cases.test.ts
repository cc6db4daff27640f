/** Every small case in other operator sets: the same numbers, or refused by name. */
import { readdirSync, readFileSync } from 'node:fs';
import { createSession } from '../conformance/executor.js';
import { expect, it } from 'vitest';
import { opsetVersion } from '../builder.js';
import { decodeModel } from '../codec/model.js';
import { OnnxError } from '../errors.js';
import { prepare } from '../normalise/index.js';
import { compareModels } from '../simplify/compare.js';
import { convertOpset } from './convert.js';

const folder = new URL('../cases/models/', import.meta.url);
const names = readdirSync(folder).filter((file) => file.endsWith('.onnx'));
const full = process.env['VERGE_TEST_FULL'] !== undefined;
const targets = full ? [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23] : [13, 21];

/** Draws random numbers, which differ from run to run, and one whose inputs are too large to be drawn. */
const notCompared = ['random_cse.onnx', 'huge_declared_input.onnx'];

it.each(targets)('operator set %s', async (to) => {
  const found = { same: 0, refused: 0, notTaken: 0 };
  let compared = 0;
  const wrong: string[] = [];
  for (const name of names) {
    const { model } = prepare(decodeModel(readFileSync(new URL(name, folder))));
    if (opsetVersion(model) === to || notCompared.includes(name)) continue;
    compared++;
    try {
      const { within } = await compareModels(model, convertOpset(model, to).model, createSession, { runs: 2 });
      if (within) found.same++;
      else wrong.push(name);
    } catch (error) {
      const { code } = error as { code?: string };
      if (error instanceof OnnxError && code === 'opset') found.refused++;
      // Element types that a version does not take, and inputs for which no sizes are found.
      else if (code === 'model-refused' || code === 'no-sizes') found.notTaken++;
      else wrong.push(`${name}: ${String(error)}`);
    }
  }
  expect(wrong).toEqual([]);
  // Most operators of the cases came by 13, and every version has all of 9 to 12 in some form.
  expect(found.same).toBeGreaterThan(compared * (to >= 13 ? 0.8 : 0.5));
  expect(found.notTaken).toBeLessThan(8);
});
