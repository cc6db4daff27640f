/** CPU time of inferences, taken in turns. */
import type { Session, Tensor } from '@verge/onnx';
import { createSession } from '@verge/runtime';

/** Runs of a session in a round take about as long. */
const ROUND_MS = 40;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** CPU milliseconds of this process for one of `times` runs. */
export async function cpuOf(times: number, act: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

interface Candidate {
  readonly name: string;
  readonly session: Session;
  readonly times: number[];
}

/**
 * CPU milliseconds of one inference of each model, in turns on the same inputs, one thread, ONNX Runtime's own rewriting on.
 * @returns by model one number for each round
 */
export async function latencies(
  models: ReadonlyMap<string, Uint8Array>,
  feeds: Record<string, Tensor>,
  rounds: number,
): Promise<Map<string, number[]>> {
  const candidates: Candidate[] = [];
  for (const [name, bytes] of models) {
    candidates.push({ name, session: await createSession(bytes, { threads: 1 }), times: [] });
  }
  try {
    const first: number[] = [];
    for (const { session } of candidates) {
      await session.run(feeds);
      first.push(await cpuOf(3, () => session.run(feeds)));
    }
    const runs = Math.max(1, Math.round(ROUND_MS / Math.max(...first, 0.01)));
    for (let round = 0; round < rounds; round++) {
      // Another goes first each time.
      for (let i = 0; i < candidates.length; i++) {
        const { session, times } = candidates[(i + round) % candidates.length]!;
        times.push(await cpuOf(runs, () => session.run(feeds)));
      }
    }
  } finally {
    await Promise.all(candidates.map(({ session }) => session.release()));
  }
  return new Map(candidates.map(({ name, times }) => [name, times]));
}
