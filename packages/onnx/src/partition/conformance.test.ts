import { describe, expect, it } from 'vitest';
import { dataFolder } from '../conformance/archive.js';
import type { Case } from '../conformance/cases.js';
import { createSession } from '../conformance/executor.js';
import { runnableCases } from '../conformance/runnable.js';
import { chainStages, encodeModel, OnnxError, partition, type Session, type Tensor } from '../index.js';

/** All cases, not every tenth. */
const FULL = Boolean(process.env['VERGE_TEST_FULL']);
const EXACT = { optimization: 'disabled' } as const;

async function once(session: Session, inputs: ReadonlyMap<string, Tensor>): Promise<Record<string, Tensor>> {
  try {
    return await session.run(Object.fromEntries(inputs));
  } finally {
    await session.release();
  }
}

/** The outputs of two stages, or null when the graph cannot be cut in two. */
async function inStages({ model, inputs }: Case): Promise<Record<string, Tensor> | null> {
  try {
    const { stages } = partition(model, { stages: 2, cost: () => 1 });
    return await once(await chainStages(model, stages, createSession, EXACT), inputs);
  } catch (error) {
    if (error instanceof OnnxError && error.code === 'partition') return null;
    throw error;
  }
}

describe('the node cases of ONNX', () => {
  const folder = dataFolder('partitions of the node cases of ONNX');
  it.skipIf(!folder)(
    'give the same numbers in two stages',
    async () => {
      const wrong: string[] = [];
      let tried = 0;
      const several = ({ model }: Case): boolean => model.graph.nodes.length > 2;
      for await (const one of runnableCases(folder!, FULL ? 1 : 10, several)) {
        try {
          const outputs = await inStages(one);
          if (outputs === null) continue;
          tried += 1;
          // Bit for bit: the same kernels on the same values.
          expect(outputs).toEqual(await once(await createSession(encodeModel(one.model), EXACT), one.inputs));
        } catch (error) {
          wrong.push(`${one.name}: ${String(error).slice(0, 200)}`);
        }
      }
      expect(wrong).toEqual([]);
      expect(tried).toBeGreaterThan(FULL ? 200 : 20);
      if (FULL) console.log(`${tried} cases cut in two`);
    },
    300_000,
  );
});
