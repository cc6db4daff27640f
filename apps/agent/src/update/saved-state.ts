/** The state of the update, in memory and on disk. */
import { isWhole } from '../generations.js';
import type { Health } from '../health.js';
import { saveState, type AgentState } from './state.js';

export type Patch = (state: AgentState) => AgentState;

export class SavedState {
  private queue: Promise<unknown> = Promise.resolve();
  /** The disk does not hold what is true now. */
  private unsaved = false;

  constructor(
    private readonly path: string,
    private current: AgentState,
    private readonly health: Health,
    private readonly onChange: () => void,
  ) {}

  get now(): AgentState {
    return this.current;
  }

  /** For what must be on disk before it is acted on. @throws what the disk says, and then nothing has changed */
  readonly save = (patch: Patch): Promise<void> => this.change(patch, false);

  /** For what is true whether or not the disk takes it; it is saved later where it does not. */
  readonly remember = (patch: Patch): Promise<void> => this.change(patch, true);

  /** Saves what a failing disk did not take, or what was damaged on it since. */
  async mend(): Promise<void> {
    if (this.unsaved || !(await isWhole(this.path))) await this.remember((state) => state);
  }

  private change(patch: Patch, evenUnsaved: boolean): Promise<void> {
    const turn = this.queue.then(async () => {
      const next = patch(this.current);
      try {
        await saveState(this.path, next);
        this.health.clear('state');
        this.unsaved = false;
      } catch (error) {
        this.health.report('state', error);
        if (!evenUnsaved) throw error;
        this.unsaved = true;
      }
      this.current = next;
      this.onChange();
    });
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}
