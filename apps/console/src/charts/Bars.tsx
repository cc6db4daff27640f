import type { ReactNode } from 'react';
import { useFormat } from '../i18n/format.js';
import { TextLink } from '../components/TextLink.js';
import classes from './charts.module.css';

export interface Bar {
  id: string;
  label: string;
  value: number;
  /** The list of what is counted. */
  to?: string;
}

/** Shares of a whole as horizontal bars, with their counts in words: a chart that is also a list. */
export function Bars({ items, label }: { items: readonly Bar[]; label: string }): ReactNode {
  const format = useFormat();
  const largest = Math.max(1, ...items.map((item) => item.value));
  const total = items.reduce((sum, item) => sum + item.value, 0);
  return (
    <ul className={classes.bars} aria-label={label}>
      {items.map((item) => (
        <li key={item.id}>
          <span>
            {item.to ? (
              <TextLink to={item.to} count={item.value}>
                {item.label}
              </TextLink>
            ) : (
              item.label
            )}
          </span>
          <span className={classes.track} aria-hidden>
            <span className={classes.fill} style={{ width: `${(100 * item.value) / largest}%` }} />
          </span>
          <span className={classes.value}>
            {format.int(item.value)} · {format.percent(total > 0 ? item.value / total : null, 1)}
          </span>
        </li>
      ))}
    </ul>
  );
}
