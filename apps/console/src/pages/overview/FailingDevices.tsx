import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useRead } from '../../api/query.js';
import { Panel } from '../../components/Panel.js';
import { QueryView } from '../../components/QueryView.js';
import { StatePill } from '../../components/StatePill.js';
import { ShowAll } from '../../components/ShowAll.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useProject } from '../../session/project.js';
import { UpdateState } from '../devices/columns.js';
import classes from './overview.module.css';

const SHOWN = 5;

/** Devices whose update failed or that report an error: the first few, and how many there are. */
export function FailingDevices(): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const query = { state: 'active', failing: 'true', sort: '-lastSeenAt', limit: SHOWN } as const;
  const devices = useRead('devices.list', { params: { project: slug }, query });
  return (
    <Panel
      title={t('overview.attention')}
      flush
      actions={<ShowAll shown={SHOWN} total={devices.data?.total} to={to('/devices?failing=true')} />}
    >
      <QueryView query={devices} height={60}>
        {({ items, total }) =>
          total === 0 ? (
            <Text size="sm" c="dimmed" p="md">
              {t('overview.noAttention')}
            </Text>
          ) : (
            <ul className={classes.rows}>
              {items.map((device) => (
                <li key={device.id}>
                  <TextLink to={to(`/devices/${device.id}`)} strong>
                    {device.name}
                  </TextLink>
                  <span className={classes.grow}>
                    {device.error ? (
                      <StatePill tone="bad">{device.error.code}</StatePill>
                    ) : (
                      <UpdateState state={device.updateState} />
                    )}
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
          )
        }
      </QueryView>
    </Panel>
  );
}
