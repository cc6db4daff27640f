import { Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { usePages } from '../../api/query.js';
import { PageFoot, TableSkeleton } from '../../components/DataTable.js';
import { ErrorState } from '../../components/ErrorState.js';
import { Panel } from '../../components/Panel.js';
import { Ago } from '../../components/Time.js';
import { useProject } from '../../session/project.js';
import classes from './history.module.css';

/** What happened to a device, newest first. */
export function DeviceHistory({ deviceId }: { deviceId: string }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const events = usePages('devices.events', { params: { project: slug, device: deviceId }, query: { limit: 25 } });
  return (
    <Panel title={t('devices.history')} flush>
      {events.isPending && <TableSkeleton rows={3} />}
      {events.error && <ErrorState error={events.error} onRetry={events.refetch} />}
      {!events.isPending && !events.error && events.total === 0 && (
        <Text size="sm" c="dimmed" p="md">
          {t('devices.noHistory')}
        </Text>
      )}
      <ol className={classes.history}>
        {events.items.map((event, index) => (
          <li key={`${event.at} ${index}`}>
            <span className={classes.at}>
              <Ago at={event.at} />
            </span>
            <code>{event.kind}</code>
            <span>{event.message}</span>
          </li>
        ))}
      </ol>
      {events.items.length > 0 && <PageFoot pages={events} />}
    </Panel>
  );
}
