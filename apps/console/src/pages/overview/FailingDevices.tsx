import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { StatePill } from '../../components/StatePill.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useProject } from '../../session/project.js';
import classes from './overview.module.css';

const SHOWN = 5;

/** Devices whose last word was an error, with the error. */
export function FailingDevices(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const devices = useRead('devices.list', { params: { project: slug }, query: { state: 'active', limit: 500 } });
  return (
    <Panel title={t('overview.attention')} flush>
      <QueryView query={devices} height={60}>
        {({ items }) => {
          const failing = items.filter((device) => device.error !== null);
          if (failing.length === 0) {
            return (
              <Text size="sm" c="dimmed" p="md">
                {t('overview.noAttention')}
              </Text>
            );
          }
          return (
            <ul className={classes.rows}>
              {failing.slice(0, SHOWN).map((device) => (
                <li key={device.id}>
                  <TextLink to={to(`/devices/${device.id}`)} strong>
                    {device.name}
                  </TextLink>
                  <span className={classes.grow}>
                    <StatePill tone="bad">{device.error?.code}</StatePill>
                    <Text size="xs" c="dimmed" lineClamp={2}>
                      {device.error?.message}
                    </Text>
                  </span>
                  <Text size="xs" c="dimmed" component="span">
                    <Ago at={device.lastSeenAt} />
                  </Text>
                </li>
              ))}
            </ul>
          );
        }}
      </QueryView>
    </Panel>
  );
}
