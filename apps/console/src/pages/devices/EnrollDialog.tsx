import { Alert, Button, Group, Modal, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { Slug, type ResponseOf, type Routes } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChange } from '../../api/query.js';
import { CodeView } from '../../components/CodeView.js';
import { CommandLine } from '../../components/CommandLine.js';
import { FormDialog } from '../../components/FormDialog.js';
import { ListSelect } from '../../components/ListSelect.js';
import { useFormat } from '../../i18n/format.js';
import { useProject } from '../../session/project.js';
import { enrollCommand } from '../commands.js';

type Created = ResponseOf<Routes['enrollment.create']>;
interface Props {
  opened: boolean;
  onClose: () => void;
}

const MINUTES = { hour: 60, day: 1440, week: 10_080, month: 43_200 } as const;

/** Makes an enrolment token and shows its bundle, once. */
export function EnrollDialog({ opened, onClose }: Props): ReactNode {
  const [created, setCreated] = useState<Created | null>(null);
  const close = (): void => {
    onClose();
    setCreated(null);
  };
  return created ? (
    <BundleDialog created={created} opened={opened} onClose={close} />
  ) : (
    <TokenForm opened={opened} onClose={close} onCreated={setCreated} />
  );
}

function TokenForm({ opened, onClose, onCreated }: Props & { onCreated: (created: Created) => void }): ReactNode {
  const { t } = useTranslation();
  const { slug } = useProject();
  const create = useChange('enrollment.create');
  const [deviceClass, setDeviceClass] = useState('');
  const [name, setName] = useState('');
  const [group, setGroup] = useState<string | null>(null);
  const [uses, setUses] = useState(1);
  const [validity, setValidity] = useState<keyof typeof MINUTES>('day');
  const badClass = deviceClass !== '' && !Slug.safeParse(deviceClass).success;
  const submit = (): void =>
    create.mutate(
      {
        params: { project: slug },
        body: { name, deviceClass, group, maxUses: uses, expiresInMinutes: MINUTES[validity] },
      },
      { onSuccess: onCreated },
    );
  return (
    <FormDialog
      opened={opened}
      onClose={onClose}
      title={t('devices.enroll')}
      verb={t('devices.createToken')}
      busy={create.isPending}
      error={create.error}
      disabled={!deviceClass || badClass}
      onSubmit={submit}
    >
      <TextInput
        label={t('devices.class')}
        description={t('devices.classHint')}
        placeholder="edge-small"
        required
        data-autofocus
        value={deviceClass}
        error={badClass && t('common.slugExpected')}
        onChange={(event) => setDeviceClass(event.currentTarget.value.trim())}
      />
      <ListSelect
        list="groups.list"
        label={t('devices.group')}
        description={t('devices.groupHint')}
        clearable
        value={group}
        onChange={setGroup}
      />
      <TextInput label={t('devices.tokenName')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
      <Group grow>
        <NumberInput
          label={t('devices.uses')}
          min={1}
          max={100_000}
          value={uses}
          onChange={(value) => setUses(Number(value) || 1)}
        />
        <Select
          label={t('devices.validity')}
          allowDeselect={false}
          data={(Object.keys(MINUTES) as (keyof typeof MINUTES)[]).map((value) => ({
            value,
            label: t(`devices.valid.${value}`),
          }))}
          value={validity}
          onChange={(value) => setValidity(value as keyof typeof MINUTES)}
        />
      </Group>
    </FormDialog>
  );
}

function BundleDialog({ created, opened, onClose }: Props & { created: Created }): ReactNode {
  const { t } = useTranslation();
  const format = useFormat();
  const text = JSON.stringify(created.bundle, null, 2);
  const save = (): void => {
    const url = URL.createObjectURL(new Blob([text + '\n'], { type: 'application/json' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = 'bundle.json';
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('devices.bundleTitle')}
      size="lg"
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Stack gap="sm">
        <Alert color="yellow" variant="outline">
          {t('devices.bundleOnce', { count: created.maxUses, expires: format.dateTime(created.expiresAt) })}
        </Alert>
        <CodeView text={text} label="bundle.json" />
        {created.bundle.releaseRoot === null && (
          <Text size="sm" c="dimmed">
            {t('devices.bundleRoot')}
          </Text>
        )}
        <Text size="sm">{t('devices.bundleNext')}</Text>
        <CommandLine>{enrollCommand}</CommandLine>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" leftSection={<IconDownload size={14} aria-hidden />} onClick={save}>
            {t('devices.download')}
          </Button>
          <Button onClick={onClose}>{t('common.done')}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
