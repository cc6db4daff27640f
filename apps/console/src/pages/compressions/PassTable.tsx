import { List, Text } from '@mantine/core';
import type { CompressionReport } from '@verge/contracts';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { DataTable, type Column } from '../../components/DataTable.js';
import { DASH, useFormat } from '../../i18n/format.js';

type Pass = CompressionReport['passes'][number];
const SHOWN = 6;

/** What each pass did, and what it declined with the reason. */
export function PassTable({ passes }: { passes: readonly Pass[] }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const columns: Column<{ pass: Pass; index: number }>[] = [
    {
      id: 'pass',
      header: t('compressions.pass'),
      cell: ({ pass, index }) => (
        <>
          <Text fz="sm" fw={500} miw={140}>{`${index + 1}. ${pass.pass}`}</Text>
          {pass.notes?.map((note) => (
            <Text key={note} fz="xs" c="dimmed">
              {note}
            </Text>
          ))}
        </>
      ),
    },
    { id: 'seconds', header: t('work.time'), cell: ({ pass }) => format.duration(pass.seconds), align: 'right' },
    {
      id: 'bytes',
      header: t('common.size'),
      cell: ({ pass }) => (
        <span
          style={{ whiteSpace: 'nowrap' }}
        >{`${format.bytes(pass.bytesBefore)} → ${format.bytes(pass.bytesAfter)}`}</span>
      ),
      align: 'right',
    },
    { id: 'changes', header: t('compressions.changes'), cell: ({ pass }) => <Changes pass={pass} /> },
    { id: 'declined', header: t('compressions.declined'), cell: ({ pass }) => <Declined pass={pass} />, from: 'sm' },
  ];
  return (
    <DataTable
      label={t('compressions.passes')}
      columns={columns}
      rows={passes.map((pass, index) => ({ pass, index }))}
      rowKey={({ index }) => String(index)}
    />
  );
}

function Changes({ pass }: { pass: Pass }): ReactNode {
  const format = useFormat();
  const changes = Object.entries(pass.changes);
  if (changes.length === 0) return DASH;
  return changes.map(([name, count]) => (
    <Text key={name} fz="xs">
      {name}: {format.decimal(count)}
    </Text>
  ));
}

function Declined({ pass }: { pass: Pass }): ReactNode {
  const { t } = useTranslation();
  if (pass.declined.length === 0) return DASH;
  return (
    <List size="xs" spacing={2}>
      {pass.declined.slice(0, SHOWN).map((item) => (
        <List.Item key={`${item.node} ${item.reason}`}>
          <code>{item.node}</code>: {item.reason}
        </List.Item>
      ))}
      {pass.declined.length > SHOWN && (
        <List.Item>{t('compressions.moreDeclined', { count: pass.declined.length - SHOWN })}</List.Item>
      )}
    </List>
  );
}
