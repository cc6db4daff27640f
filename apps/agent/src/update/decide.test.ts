import { describe, expect, it } from 'vitest';
import { decide } from './decide.js';
import { initialState, type AgentState, type Target, type Update } from './state.js';

const digest = (c: string): string => `sha256:${c.repeat(64)}`;
const target = (c: string): Target => ({
  path: `m/1/${c}.json`,
  manifestDigest: digest(c),
  model: 'm',
  version: 1,
  rolloutId: '',
});
const probation = { durationMs: 1000, crashes: 3 };

/** Serving `active`, following generation 1, wishing `wanted` at `generation`. */
function at(
  update: Partial<Update>,
  wanted: string | null,
  generation: number,
  active: string | null = 'a',
): AgentState {
  return {
    ...initialState,
    desired: { generation, target: wanted === null ? null : target(wanted), reportIntervalSeconds: 1 },
    update: { ...initialState.update, generation: 1, ...update },
    active: active === null ? null : 'a',
    slots: { a: active === null ? null : digest(active), b: null },
  };
}

describe('decide', () => {
  const rows: [string, AgentState, number, string][] = [
    ['waits when it serves what is wished', at({ state: 'idle' }, 'a', 1), 0, 'wait'],
    ['waits when nothing is wished', at({ state: 'idle' }, null, 1), 0, 'wait'],
    ['follows a wish', at({ state: 'idle' }, 'b', 1), 0, 'desire'],
    ['adopts a generation that changes nothing', at({ state: 'idle' }, 'a', 2), 0, 'adopt'],
    ['adopts a generation that wishes nothing', at({ state: 'idle' }, null, 2), 0, 'adopt'],
    ['steps', at({ state: 'checking', target: target('b') }, 'b', 1), 0, 'step'],
    ['checks anew for a newer wish', at({ state: 'downloading', target: target('b') }, 'c', 2), 0, 'desire'],
    ['gives up for what serves already', at({ state: 'downloading', target: target('b') }, 'a', 2), 0, 'withdraw'],
    [
      'gives up when nothing is wished any more',
      at({ state: 'checking', target: target('b') }, null, 2),
      0,
      'withdraw',
    ],
    [
      'gives up an installation for a newer wish',
      at({ state: 'installing', target: target('b') }, 'c', 2),
      0,
      'withdraw',
    ],
    ['keeps installing the same', at({ state: 'self-testing', target: target('b') }, 'b', 2), 0, 'adopt'],
    ['finishes an activation whatever is wished', at({ state: 'activating', target: target('b') }, 'c', 2), 0, 'step'],
    ['finishes a revert whatever is wished', at({ state: 'reverting', target: target('b') }, 'c', 2), 0, 'step'],
    ['watches a new model', at({ state: 'committed', committedAt: 500 }, 'a', 1), 1499, 'wait'],
    ['settles after the probation', at({ state: 'committed', committedAt: 500 }, 'a', 1), 1500, 'settle'],
    ['settles when the clock was set back', at({ state: 'committed', committedAt: 500 }, 'a', 1), 100, 'settle'],
    ['reverts after crashes', at({ state: 'committed', committedAt: 500, crashes: 3 }, 'a', 1), 600, 'revert'],
    ['settles early for a newer wish', at({ state: 'committed', committedAt: 500 }, 'b', 2), 600, 'settle'],
    ['does not retry what was refused', at({ state: 'failed', target: target('b') }, 'b', 1), 0, 'wait'],
    [
      'retries what was refused when it is wished anew',
      at({ state: 'failed', target: target('b') }, 'b', 2),
      0,
      'desire',
    ],
    [
      'settles a failure when the old model is wished',
      at({ state: 'failed', target: target('b') }, 'a', 2),
      0,
      'settle',
    ],
    ['installs on an empty device', at({ state: 'idle' }, 'a', 1, null), 0, 'desire'],
  ];
  const nothing = (update: Partial<Update>, generation: number, active: string | null = 'a'): AgentState => {
    const state = at(update, null, generation, active);
    return { ...state, desired: { ...state.desired, nothing: true } };
  };
  rows.push(
    ['unloads when nothing is to serve', nothing({ state: 'idle' }, 2), 0, 'unload'],
    ['unloads again after it was ended in between', nothing({ state: 'idle' }, 1), 0, 'unload'],
    ['adopts that nothing is to serve when nothing does', nothing({ state: 'idle' }, 2, null), 0, 'adopt'],
    ['rests while nothing is to serve', nothing({ state: 'idle' }, 1, null), 0, 'wait'],
    ['gives a download up', nothing({ state: 'downloading', target: target('b') }, 2), 0, 'withdraw'],
    ['gives an installation up', nothing({ state: 'installing', target: target('b') }, 2), 0, 'withdraw'],
    ['settles a new model first', nothing({ state: 'committed', committedAt: 500 }, 2), 600, 'settle'],
    ['settles a failure first', nothing({ state: 'failed', target: target('b') }, 2), 0, 'settle'],
  );
  it.each(rows)('%s', (_, state, now, action) => {
    expect(decide(state, now, probation).do).toBe(action);
  });
});
