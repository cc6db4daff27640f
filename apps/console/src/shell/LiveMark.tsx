import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useProjectFeed } from '../api/feed.js';
import { StatePill, type Tone } from '../components/StatePill.js';
import { useFormat } from '../i18n/format.js';
import type { TabState } from '../live/live.js';
import { useProject } from '../session/project.js';
import classes from './shell.module.css';

const tones: Record<TabState['state'], Tone> = { connecting: 'idle', live: 'good', stale: 'warn', refused: 'bad' };

/** Whether what is shown is what is: live, or as it was at a time. */
export function LiveMark(): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const feed = useProjectFeed(useProject().slug);
  const time = feed.state === 'stale' ? format.clock(feed.since) : '';
  return (
    <Tooltip label={t(`shell.feed.${feed.state}Hint`)} multiline maw={320}>
      <span className={classes.live} role="status" data-feed={feed.state}>
        <StatePill tone={tones[feed.state]}>{t(`shell.feed.${feed.state}`, { time })}</StatePill>
      </span>
    </Tooltip>
  );
}
