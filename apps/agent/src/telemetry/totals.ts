/** What became of the requests since the agent started: for its status and its log. */
import type { Outcome } from './window.js';

export interface Counts {
  answered: number;
  modelErrors: number;
  callerErrors: number;
  loadErrors: number;
  /** Failures of the agent itself, which are nobody else's. */
  agentErrors: number;
}

const names: Readonly<Record<Outcome | 'agent-error', keyof Counts>> = {
  answered: 'answered',
  'model-error': 'modelErrors',
  'caller-error': 'callerErrors',
  'load-error': 'loadErrors',
  'agent-error': 'agentErrors',
};

const none: Counts = { answered: 0, modelErrors: 0, callerErrors: 0, loadErrors: 0, agentErrors: 0 };

export class Totals {
  private readonly counts: Counts = { ...none };
  private before: Counts = { ...none };

  add(outcome: Outcome | 'agent-error'): void {
    this.counts[names[outcome]]++;
  }

  get now(): Counts {
    return { ...this.counts };
  }

  /** What was refused or failed since the last call; null when nothing was. */
  trouble(): Partial<Counts> | null {
    const since = Object.entries(this.counts).map(
      ([name, count]) => [name, count - this.before[name as keyof Counts]] as const,
    );
    this.before = { ...this.counts };
    const bad = since.filter(([name, count]) => name !== 'answered' && count > 0);
    return bad.length === 0 ? null : Object.fromEntries(bad);
  }
}
