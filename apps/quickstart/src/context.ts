/** What the steps share: where things are, how to call them, and the report that they fill. */
import type { Client } from '@verge/contracts';
import type { Commands } from './cli.js';
import type { Processes } from './processes.js';
import type { Report } from './report.js';

export interface Agent {
  readonly name: string;
  readonly deviceClass: string;
  readonly dir: string;
  id: string;
  url: string;
}

export interface Context {
  readonly root: string;
  /** .verge/quickstart */
  readonly home: string;
  readonly project: string;
  readonly processes: Processes;
  readonly report: Report;
  /** `verge` with this run's credentials folder. */
  readonly commands: Commands;
  client: Client;
  url: string;
  login: { email: string; password: string };
  readonly agents: Agent[];
  /** Inferences sent to agents so far. */
  sent: number;
  /** Says on the step's line what goes on. */
  progress: (text: string) => void;
}

/** Thrown when a step finds that something is not as it must be. */
export class StepFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StepFailed';
  }
}
