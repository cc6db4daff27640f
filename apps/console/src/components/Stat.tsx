import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Tone } from './StatePill.js';
import classes from './Stat.module.css';

interface Props {
  label: string;
  value: ReactNode;
  note?: ReactNode;
  tone?: Tone;
  to?: string;
  /** The number as it is, when the list at `to` holds just as many rows. */
  count?: number;
}

/** One number that matters. */
export function Stat({ label, value, note, tone, to, count }: Props): ReactNode {
  const body = (
    <>
      <span className={classes.label}>{label}</span>
      <span className={classes.value} data-tone={tone}>
        {value}
      </span>
      <span className={classes.note}>{note ?? ' '}</span>
    </>
  );
  return to ? (
    <Link className={classes.stat} to={to} data-count={count}>
      {body}
    </Link>
  ) : (
    <div className={classes.stat}>{body}</div>
  );
}

/** Numbers side by side, as many as fit. */
export function Stats({ children, label }: { children: ReactNode; label: string }): ReactNode {
  return (
    <section className={classes.stats} aria-label={label}>
      {children}
    </section>
  );
}
