/** Where the time of a request went, told in the header `Server-Timing` (W3C Server Timing, section 2), milliseconds. */

/** In their order. `queue` is the wait in front of the model's process and the way there. */
export const stages = ['parse', 'decode', 'preprocess', 'queue', 'run', 'top-k'] as const;
export type Stage = (typeof stages)[number];

export class Timing {
  private readonly spent = new Map<Stage, number>();

  add(stage: Stage, ms: number): void {
    this.spent.set(stage, (this.spent.get(stage) ?? 0) + ms);
  }

  time<T>(stage: Stage, work: () => T): T {
    const from = performance.now();
    const made = work();
    this.add(stage, performance.now() - from);
    return made;
  }

  /** Stages that took place, in their order. */
  get header(): string {
    const passed = stages.filter((stage) => this.spent.has(stage));
    return passed.map((stage) => `${stage};dur=${this.spent.get(stage)!.toFixed(3)}`).join(', ');
  }
}

/** The stages of an answer; what is no stage of these is left out. */
export function stagesOf(header: string): Partial<Record<Stage, number>> {
  const found: Partial<Record<Stage, number>> = {};
  for (const part of header.split(',')) {
    const [, name, ms] = /^\s*([a-z-]+);dur=([0-9.]+)\s*$/.exec(part) ?? [];
    const stage = stages.find((known) => known === name);
    if (stage) found[stage] = Number(ms);
  }
  return found;
}
