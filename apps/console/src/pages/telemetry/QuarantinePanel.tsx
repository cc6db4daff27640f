import { ActionIcon, Button, Stack, Text } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import type { QuarantinedRecord } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange, usePages } from '../../api/query.js';
import { Confirm } from '../../components/Confirm.js';
import { PagedTable, type PagedColumn } from '../../components/DataTable.js';
import { ErrorDetail } from '../../components/ErrorState.js';
import { Panel } from '../../components/Panel.js';
import { TextLink } from '../../components/TextLink.js';
import { Ago } from '../../components/Time.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';

/** Records that cannot be true: why, and a way to be rid of them. Not there while there are none. */
export function QuarantinePanel({ device }: { device: string | undefined }): ReactNode {
  const { t } = useTranslation();
  const { slug, can } = useProject();
  const params = { project: slug };
  const query = device ? { device } : {};
  const records = usePages('quarantine.list', { params, query: { limit: 50, ...query } });
  const remove = useChange('quarantine.delete', ['telemetry']);
  const clear = useChange('quarantine.clear', ['telemetry']);
  const [clearing, setClearing] = useState(false);
  const columns = useColumns((record) => remove.mutate({ params: { ...params, record: record.id } }));
  if (records.items.length === 0 && records.error === null) return null;
  const all = can('operator') && (
    <Button size="compact-xs" color="red.8" variant="light" onClick={() => setClearing(true)}>
      {t('telemetry.clearQuarantine')}
    </Button>
  );
  return (
    <Panel title={t('telemetry.quarantine')} note={t('telemetry.quarantineNote')} actions={all} flush>
      <PagedTable
        label={t('telemetry.quarantine')}
        columns={columns}
        pages={records}
        rowKey={(record) => record.id}
        empty={null}
      />
      {remove.error && <ErrorDetail error={remove.error} />}
      <Confirm
        opened={clearing}
        title={t('telemetry.clearQuarantine')}
        verb={t('telemetry.clearQuarantine')}
        danger
        busy={clear.isPending}
        error={clear.error}
        onClose={() => {
          setClearing(false);
          clear.reset();
        }}
        onConfirm={() => clear.mutate({ params, query }, { onSuccess: () => setClearing(false) })}
      >
        {t('telemetry.clearQuarantineNote')}
      </Confirm>
    </Panel>
  );
}

function useColumns(onRemove: (record: QuarantinedRecord) => void): PagedColumn<QuarantinedRecord>[] {
  const { t } = useTranslation();
  const { to, can } = useProject();
  const format = useFormat();
  const columns: PagedColumn<QuarantinedRecord>[] = [
    {
      id: 'device',
      header: t('telemetry.device'),
      cell: ({ device }) => <TextLink to={to(`/devices/${device.id}`)}>{device.name}</TextLink>,
    },
    { id: 'received', header: t('telemetry.received'), cell: (record) => <Ago at={record.receivedAt} /> },
    {
      id: 'requests',
      header: t('telemetry.requests'),
      align: 'right',
      cell: (record) => format.compact(record.requests),
      from: 'sm',
    },
    {
      id: 'reasons',
      header: t('telemetry.reasons'),
      cell: (record) => (
        <Stack gap={2}>
          {record.reasons.map(({ field, detail }) => (
            <Text key={field + detail} fz="xs">
              {field}: {detail}
            </Text>
          ))}
        </Stack>
      ),
    },
  ];
  if (can('operator')) {
    columns.push({
      id: 'remove',
      header: '',
      align: 'right',
      cell: (record) => (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={t('telemetry.deleteRecord', { device: record.device.name, seq: record.seq })}
          onClick={() => onRemove(record)}
        >
          <IconTrash size={14} />
        </ActionIcon>
      ),
    });
  }
  return columns;
}
