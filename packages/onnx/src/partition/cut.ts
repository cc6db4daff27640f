/** Where to cut a sequence of nodes into consecutive stages: dynamic programming over the order. */

export interface CutProblem {
  /** Cost of each node in order, not negative. */
  readonly costs: readonly number[];
  /**
   * Bytes that a stage starting at node `start` takes in from outside, by the node before which it ends: entry `end`
   * is for the nodes start..end-1. Infinity where no stage may be. Never decreases with `end`.
   */
  receives(start: number): Float64Array;
}

export interface Cuts {
  /** First node of each stage. */
  readonly starts: readonly number[];
  /** Cost of the dearest stage. */
  readonly bottleneck: number;
  /** Sum of what the stages receive. */
  readonly traffic: number;
}

/** best[k][i] is the best way to spread the first i nodes over k stages, and from[k][i] where the last of these starts. */
interface Table {
  readonly most: Float64Array[];
  readonly traffic: Float64Array[];
  readonly from: Int32Array[];
}

function emptyTable(nodes: number, stages: number): Table {
  const rows = <T>(make: () => T): T[] => Array.from({ length: stages + 1 }, make);
  const infinite = (): Float64Array => new Float64Array(nodes + 1).fill(Infinity);
  const table = { most: rows(infinite), traffic: rows(infinite), from: rows(() => new Int32Array(nodes + 1)) };
  table.most[0]![0] = 0;
  table.traffic[0]![0] = 0;
  return table;
}

/**
 * Fills the table with intervals that cost at most `limit`. Starts go upwards, so that every entry that a start
 * extends is final and what its stages receive is worked out once.
 * @param trafficFirst compare by traffic, then by the dearest stage; else by the dearest stage alone
 */
function fill(problem: CutProblem, stages: number, limit: number, trafficFirst: boolean): Table {
  const { costs } = problem;
  const table = emptyTable(costs.length, stages);
  for (let start = 0; start < costs.length; start++) {
    const received = problem.receives(start);
    let cost = 0;
    for (let end = start + 1; end <= costs.length; end++) {
      cost += costs[end - 1]!;
      const bytes = received[end]!;
      if (cost > limit || bytes === Infinity) break;
      for (let k = 0; k < stages; k++) {
        const most = Math.max(table.most[k]![start]!, cost);
        const traffic = table.traffic[k]![start]! + bytes;
        const [oldMost, oldTraffic] = [table.most[k + 1]![end]!, table.traffic[k + 1]![end]!];
        const better = trafficFirst
          ? traffic < oldTraffic || (traffic === oldTraffic && most < oldMost)
          : most < oldMost;
        if (!better) continue;
        table.most[k + 1]![end] = most;
        table.traffic[k + 1]![end] = traffic;
        table.from[k + 1]![end] = start;
      }
    }
  }
  return table;
}

/**
 * The cuts into exactly `stages` intervals of at least one node each. Among all whose dearest stage costs at most
 * (1 + slack) times the least that is possible, those with the least traffic; among these, those with the cheapest
 * dearest stage. Time O(nodes^2 * stages), memory O(nodes * stages).
 * @returns null when no such cuts exist
 */
export function cutSequence(problem: CutProblem, stages: number, slack: number): Cuts | null {
  const n = problem.costs.length;
  const bottleneck = fill(problem, stages, Infinity, false).most[stages]![n]!;
  if (bottleneck === Infinity) return null;
  const table = fill(problem, stages, bottleneck * (1 + slack), true);
  const starts: number[] = [];
  for (let k = stages, end = n; k > 0; k--) {
    end = table.from[k]![end]!;
    starts.unshift(end);
  }
  return { starts, bottleneck: table.most[stages]![n]!, traffic: table.traffic[stages]![n]! };
}
