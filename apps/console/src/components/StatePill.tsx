import type { ReactNode } from 'react';
import classes from './StatePill.module.css';

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'idle';

/** A state as a coloured mark beside ordinary text: readable without the colour, calm in a table. */
export function StatePill({ tone, children, pulse }: { tone: Tone; children: ReactNode; pulse?: boolean }): ReactNode {
  return (
    <span className={classes.pill} data-tone={tone}>
      <span className={classes.mark} data-pulse={pulse ?? undefined} aria-hidden />
      {children}
    </span>
  );
}
