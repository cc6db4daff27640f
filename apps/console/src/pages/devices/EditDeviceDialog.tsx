import { ActionIcon, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { Device } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../../api/client.js';
import { useChange } from '../../api/query.js';
import { FormDialog } from '../../components/FormDialog.js';
import { ListSelect } from '../../components/ListSelect.js';
import { useProject } from '../../session/project.js';

interface LabelRow {
  id: number;
  key: string;
  value: string;
}

/** What changed, as a merge patch (RFC 7396): null removes a label, those that stay are not named. */
function labelsPatch(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Record<string, string | null> {
  const removed = Object.keys(before).filter((key) => !(key in after));
  const set = Object.entries(after).filter(([key, value]) => before[key] !== value);
  return { ...Object.fromEntries(removed.map((key) => [key, null])), ...Object.fromEntries(set) };
}

/** Name, group and labels of a device. */
export function EditDeviceDialog({ device, onClose }: { device: Device; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const update = useChange('devices.update', ['groups']);
  const params = { project: slug, device: device.id };
  // The state that the form was opened with: what somebody else changes meanwhile is not overwritten.
  const opened = useQuery({
    queryKey: ['editing', device.id],
    queryFn: () => client.callWithETag('devices.get', { params }),
    staleTime: Infinity,
    gcTime: 0,
  });
  // As it was when the dialog was opened: the page behind it goes on following the device.
  const [before] = useState(device);
  const [name, setName] = useState(before.name);
  const [group, setGroup] = useState(before.group);
  const [labels, setLabels] = useState<LabelRow[]>(() =>
    Object.entries(before.labels).map(([key, value], id) => ({ id, key, value })),
  );
  const submit = (): void => {
    const kept = labels.filter((row) => row.key.trim() !== '').map((row) => [row.key.trim(), row.value] as const);
    const body = {
      ...(name === before.name ? {} : { name }),
      ...(group === before.group ? {} : { group }),
      labels: labelsPatch(before.labels, Object.fromEntries(kept)),
    };
    update.mutate({ params, body, ifMatch: opened.data?.etag }, { onSuccess: onClose });
  };
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t('devices.edit')}
      verb={t('common.save')}
      busy={update.isPending}
      error={update.error}
      disabled={name.trim() === '' || opened.isPending}
      onSubmit={submit}
    >
      <TextInput
        label={t('devices.name')}
        required
        maxLength={120}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <ListSelect list="groups.list" label={t('devices.group')} clearable value={group} onChange={setGroup} />
      <LabelRows rows={labels} onChange={setLabels} />
    </FormDialog>
  );
}

function LabelRows({ rows, onChange }: { rows: LabelRow[]; onChange: (rows: LabelRow[]) => void }): ReactNode {
  const { t } = useTranslation();
  const change = (id: number, part: Partial<LabelRow>): void =>
    onChange(rows.map((row) => (row.id === id ? { ...row, ...part } : row)));
  const add = (): void =>
    onChange([...rows, { id: Math.max(-1, ...rows.map((row) => row.id)) + 1, key: '', value: '' }]);
  return (
    <Stack gap={6} role="group" aria-label={t('devices.labels')}>
      <Text size="sm" fw={500}>
        {t('devices.labels')}
      </Text>
      {rows.map((row) => (
        <Group key={row.id} gap={6} wrap="nowrap">
          <TextInput
            size="xs"
            flex={1}
            aria-label={t('devices.labelKey')}
            placeholder={t('devices.labelKey')}
            value={row.key}
            onChange={(e) => change(row.id, { key: e.currentTarget.value })}
          />
          <TextInput
            size="xs"
            flex={1}
            aria-label={t('devices.labelValue')}
            placeholder={t('devices.labelValue')}
            value={row.value}
            onChange={(e) => change(row.id, { value: e.currentTarget.value })}
          />
          <ActionIcon
            aria-label={t('devices.removeLabel', { key: row.key })}
            onClick={() => onChange(rows.filter((each) => each.id !== row.id))}
          >
            <IconX size={14} />
          </ActionIcon>
        </Group>
      ))}
      <Button
        variant="default"
        size="compact-xs"
        w="fit-content"
        leftSection={<IconPlus size={12} aria-hidden />}
        onClick={add}
      >
        {t('devices.addLabel')}
      </Button>
    </Stack>
  );
}
