import { Text, VisuallyHidden } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './charts.module.css';

interface Props {
  title: string;
  /** What the chart says, in words, for those who do not see it. */
  summary: string;
  /** Beside the title: the newest value. */
  now?: ReactNode;
  empty: boolean;
  legend?: readonly { label: string; color: string; dashed?: boolean }[];
  children: ReactNode;
}

export function ChartFigure({ title, summary, now, empty, legend, children }: Props): ReactNode {
  const { t } = useTranslation();
  return (
    <figure className={classes.figure}>
      <figcaption className={classes.caption}>
        <span>{title}</span>
        {!empty &&
          legend?.map((each) => (
            <span key={each.label} className={classes.legend}>
              <span
                className={classes.swatch}
                data-dashed={each.dashed}
                style={{ borderTopColor: each.color }}
                aria-hidden
              />
              {each.label}
            </span>
          ))}
        {!empty && now !== undefined && <span className={classes.now}>{now}</span>}
        <VisuallyHidden>{empty ? t('chart.empty') : summary}</VisuallyHidden>
      </figcaption>
      {empty ? (
        <Text className={classes.empty} size="sm" c="dimmed">
          {t('chart.empty')}
        </Text>
      ) : (
        children
      )}
    </figure>
  );
}
