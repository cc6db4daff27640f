/**
 * Half of the channels of other tools' models, held to the source with the same channels masked: in the full tests, where VERGE_CORPUS
 * names the folder that exports.py has written.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dependencies, selectChannels, verified } from '@verge/compression';
import { normalise } from '@verge/onnx';
import { createSession } from '@verge/runtime';
import { feedsOf, load } from './model.js';

const folder = process.env['VERGE_CORPUS'];
const runs = Boolean(folder && process.env['VERGE_TEST_FULL']);

it.runIf(runs)(
  'channels go from every model without changing what the others give',
  { timeout: 7_200_000 },
  async () => {
    const names = readdirSync(folder!).flatMap((file) => (file.endsWith('.onnx') ? [file.slice(0, -5)] : []));
    const wrong: string[] = [];
    for (const name of names.sort()) {
      try {
        const { model } = normalise(await load(join(folder!, `${name}.onnx`)));
        const feeds = await feedsOf(model, join(folder!, `${name}.npz`));
        const followed = await dependencies(model, createSession);
        const free = followed.spaces.filter((space) => !space.frozen && space.classes.length > 1);
        const scores = free.map((space) => Float64Array.from(space.classes, (_, i) => i));
        const keep = selectChannels(scores, { ratio: 0.5, scope: 'layer' });
        const { failed, difference } = await verified(followed, free, keep, { feeds, createSession });
        console.info(
          JSON.stringify({ name, spaces: free.length, frozen: followed.spaces.length - free.length, difference }),
        );
        for (const { space, reason } of failed) wrong.push(`${name} ${space.producers[0]?.node}: ${reason}`);
      } catch (error) {
        wrong.push(`${name}: ${String(error)}`);
      }
    }
    expect(wrong).toEqual([]);
  },
);
