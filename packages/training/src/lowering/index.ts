/** The forward graph as a step computes it fastest: the same function from other operators. */
import type { Forward } from '../forward.js';
import { joinGates } from './gates.js';
import { directWeights } from './linear.js';
import { joinParts } from './parts.js';
import { lastStates } from './last-state.js';
import { noPads } from './no-pads.js';
import { poolFirst } from './pool-first.js';
import { separatePools } from './separate-pools.js';
import { joinPairs } from './quantised-pairs.js';
import { rolls } from './rolls.js';
import { unbind } from './unbind.js';

/** @param kept values that something reads by name, so that they must stay */
export const lowered = (forward: Forward, kept: ReadonlySet<string>): Forward =>
  [joinParts, lastStates, poolFirst, separatePools, joinGates, joinPairs, noPads, rolls, unbind, directWeights].reduce(
    (graph, rewrite) => rewrite(graph, kept),
    forward,
  );
