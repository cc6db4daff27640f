import { Text } from '@mantine/core';
import type { Alarm } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Panel } from '../../components/Panel.js';
import { StatePill } from '../../components/StatePill.js';
import { Ago, useNow } from '../../components/Time.js';
import classes from './overview.module.css';

/** What a person must do before something breaks; nothing at all while there is nothing to do. */
export function Alarms({ alarms }: { alarms: readonly Alarm[] }): ReactNode {
  const { t } = useTranslation();
  if (alarms.length === 0) return null;
  return (
    <Panel title={t('alarms.title')} flush>
      <ul className={classes.rows}>
        {alarms.map((alarm) => (
          <AlarmRow key={`${alarm.code} ${alarm.subject}`} alarm={alarm} />
        ))}
      </ul>
    </Panel>
  );
}

function AlarmRow({ alarm }: { alarm: Alarm }): ReactNode {
  const { t } = useTranslation();
  const now = useNow();
  const { code, subject, expiresAt } = alarm;
  const over = expiresAt === null || Date.parse(expiresAt) <= now;
  return (
    <li>
      <span className={classes.grow}>
        <StatePill tone={over ? 'bad' : 'warn'}>{t(`alarms.${code}`, { subject })}</StatePill>
        <Text size="xs" c="dimmed">
          {t(`alarms.help.${code}`)}
        </Text>
      </span>
      {expiresAt !== null && (
        <Text size="xs" c="dimmed" component="span">
          {over ? t('alarms.expired') : t('alarms.expires')} <Ago at={expiresAt} />
        </Text>
      )}
    </li>
  );
}
