import { describe, expect, it } from 'vitest';
import { dataFolder } from '../conformance/archive.js';
import type { Case } from '../conformance/cases.js';
import { createSession } from '../conformance/executor.js';
import { runnableCases } from '../conformance/runnable.js';
import { compareModels, simplify, type Simplified } from '../index.js';

/** All cases, not every twentieth. */
const FULL = Boolean(process.env['VERGE_TEST_FULL']);

async function simplified({ model, inputs }: Case): Promise<Simplified & { within: boolean }> {
  const result = await simplify(model, createSession, { verify: false });
  const { within } = await compareModels(model, result.model, createSession, {
    runs: 1,
    given: Object.fromEntries(inputs),
    optimization: 'disabled',
    tolerance: { absolute: 1e-5, relative: 1e-5 },
  });
  return { ...result, within };
}

describe('the node cases of ONNX', () => {
  const folder = dataFolder('simplification of the node cases of ONNX');
  it.skipIf(!folder)(
    'give the same numbers when simplified',
    async () => {
      const wrong: string[] = [];
      let [tried, before, after] = [0, 0, 0];
      for await (const one of runnableCases(folder!, FULL ? 1 : 20)) {
        tried += 1;
        try {
          const { within, nodesBefore, nodesAfter } = await simplified(one);
          before += nodesBefore;
          after += nodesAfter;
          if (!within) wrong.push(one.name);
        } catch (error) {
          wrong.push(`${one.name}: ${String(error).slice(0, 200)}`);
        }
      }
      expect(wrong).toEqual([]);
      expect(tried).toBeGreaterThan(FULL ? 1300 : 50);
      // Most cases are one node; those of operators written out shrink.
      expect(after).toBeLessThan(before * 0.6);
      if (FULL) console.log(`${tried} cases: ${before} nodes, then ${after}`);
    },
    300_000,
  );
});
