/** What to do next about the update: a pure function of what is on disk, what is wished and the time. */
import { activeDigest, type AgentState } from './state.js';

export type Action =
  /** Carry out the present step. */
  | { do: 'step' }
  /** Begin to follow the desired target. */
  | { do: 'desire' }
  /** Give the update up without a failure: it is no longer wished. */
  | { do: 'withdraw' }
  /** The update is over. */
  | { do: 'settle' }
  /** The same target under another generation. */
  | { do: 'adopt' }
  /** Nothing is to serve. */
  | { do: 'unload' }
  /** Take the old model back. */
  | { do: 'revert' }
  /** Nothing until something changes, or until the time. */
  | { do: 'wait'; untilMs: number | null };

export interface Probation {
  durationMs: number;
  /** Crashes within it that take the old model back. */
  crashes: number;
}

export function decide(state: AgentState, nowMs: number, probation: Probation): Action {
  const { desired, update } = state;
  const wanted = desired.target?.manifestDigest ?? null;
  const active = activeDigest(state);
  const nothing = wanted === null && desired.nothing === true;
  const satisfied = nothing ? active === null : wanted === null || wanted === active;
  const stale = desired.generation !== update.generation;
  const sameTarget = wanted !== null && wanted === update.target?.manifestDigest;
  switch (update.state) {
    case 'idle':
      if (!satisfied) return { do: nothing ? 'unload' : 'desire' };
      return stale ? { do: 'adopt' } : { do: 'wait', untilMs: null };
    case 'checking':
    case 'downloading':
      if (!stale) return { do: 'step' };
      return satisfied || nothing ? { do: 'withdraw' } : { do: 'desire' };
    case 'installing':
    case 'self-testing':
      if (!stale) return { do: 'step' };
      return sameTarget ? { do: 'adopt' } : { do: 'withdraw' };
    case 'activating':
    case 'reverting':
      return { do: 'step' };
    case 'committed': {
      if (update.crashes >= probation.crashes) return { do: 'revert' };
      if (stale) return satisfied ? { do: 'adopt' } : { do: 'settle' };
      const until = (update.committedAt ?? 0) + probation.durationMs;
      // A clock that was set back must not make the probation endless.
      const over = nowMs >= until || nowMs < (update.committedAt ?? 0);
      return over ? { do: 'settle' } : { do: 'wait', untilMs: until };
    }
    case 'failed':
      // A refused target is tried again only when the control plane wishes anew.
      if (stale) return satisfied || nothing ? { do: 'settle' } : { do: 'desire' };
      return { do: 'wait', untilMs: null };
  }
}
