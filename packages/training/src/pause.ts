/** Gives the event loop a turn: a run occupies the thread, and between two runs messages and timers must get through. */
export const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
