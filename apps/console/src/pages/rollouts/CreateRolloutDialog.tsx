import { Checkbox, Group, NumberInput, Select, SimpleGrid, Text, TextInput } from '@mantine/core';
import { Gate, type Wave } from '@verge/contracts';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { useChange, useRead } from '../../api/query.js';
import { FormDialog } from '../../components/FormDialog.js';
import { ListSelect } from '../../components/ListSelect.js';
import { useProject } from '../../session/project.js';
import { parseWaves } from './parse-waves.js';
import { inBackground } from '../../inBackground.js';

interface Props {
  /** Name of the release when it is known already. */
  release?: string;
  onClose: () => void;
}

export function CreateRolloutDialog({ release: given, onClose }: Props): ReactNode {
  const { t } = useTranslation();
  const { slug, to } = useProject();
  const navigate = useNavigate();
  const params = { project: slug };
  const create = useChange('rollouts.create', ['devices']);
  const [name, setName] = useState(given ?? '');
  const [release, setRelease] = useState<string | null>(given ?? null);
  const [group, setGroup] = useState<string | null>(null);
  const [version, setVersion] = useState<string | null>(null);
  const [waveText, setWaveText] = useState('1, 100%');
  const [gate, setGate] = useState<Gate>(() => Gate.parse({}));
  const waves: Wave[] | null = parseWaves(waveText);
  const chosen = useRead(
    'releases.get',
    { params: { ...params, release: release ?? '' } },
    { enabled: release !== null },
  );
  const signed = chosen.data?.artifacts.map((artifact) => `${artifact.model}@${artifact.version}`);
  const versions = [...new Set(signed)];
  const submit = (): void => {
    if (release === null || group === null || waves === null) return;
    create.mutate(
      { params, body: { name, release, group, waves, gate, ...(version ? { version } : {}) } },
      { onSuccess: (made) => inBackground(navigate(to(`/rollouts/${made.id}`))) },
    );
  };
  return (
    <FormDialog
      opened
      size="lg"
      onClose={onClose}
      title={t('rollouts.create')}
      verb={t('rollouts.start')}
      busy={create.isPending}
      error={create.error}
      disabled={!name || release === null || group === null || waves === null || (versions.length > 1 && !version)}
      onSubmit={submit}
    >
      <Group grow align="flex-start">
        <ListSelect
          list="releases.list"
          label={t('rollouts.release')}
          required
          value={release}
          onChange={(value) => {
            setRelease(value);
            setVersion(null);
            if (!name && value) setName(value);
          }}
        />
        <ListSelect list="groups.list" label={t('devices.group')} required value={group} onChange={setGroup} />
      </Group>
      {versions.length > 1 && (
        <Select
          label={t('rollouts.version')}
          description={t('rollouts.versionHint')}
          required
          data={versions}
          value={version}
          onChange={setVersion}
        />
      )}
      <Group grow align="flex-start">
        <TextInput
          label={t('rollouts.name')}
          required
          maxLength={120}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label={t('rollouts.waves')}
          description={t('rollouts.wavesHint')}
          required
          value={waveText}
          error={waves === null && t('rollouts.wavesExpected')}
          onChange={(event) => setWaveText(event.currentTarget.value)}
        />
      </Group>
      <Text size="sm" fw={500} mt="xs">
        {t('rollouts.gate')}
      </Text>
      <GateFields gate={gate} onChange={(part) => setGate((before) => ({ ...before, ...part }))} />
    </FormDialog>
  );
}

function GateFields({ gate, onChange }: { gate: Gate; onChange: (part: Partial<Gate>) => void }): ReactNode {
  const { t } = useTranslation();
  const percent = (value: number | string): number => Math.min(1, Math.max(0, Number(value) / 100));
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <NumberInput
          label={t('rollouts.maxFailed')}
          suffix=" %"
          min={0}
          max={100}
          value={gate.maxFailedFraction * 100}
          onChange={(v) => onChange({ maxFailedFraction: percent(v) })}
        />
        <NumberInput
          label={t('rollouts.maxErrorRate')}
          suffix=" %"
          min={0}
          max={100}
          decimalScale={2}
          value={gate.maxErrorRate * 100}
          onChange={(v) => onChange({ maxErrorRate: percent(v) })}
        />
        <NumberInput
          label={t('rollouts.maxLatency')}
          suffix=" ×"
          min={0.1}
          step={0.1}
          decimalScale={2}
          disabled={gate.maxLatencyRatio === null}
          value={gate.maxLatencyRatio ?? ''}
          onChange={(v) => Number(v) > 0 && onChange({ maxLatencyRatio: Number(v) })}
        />
        <NumberInput
          label={t('rollouts.minRequests')}
          min={0}
          allowDecimal={false}
          value={gate.minRequests}
          onChange={(v) => onChange({ minRequests: Number(v) || 0 })}
        />
        <NumberInput
          label={t('rollouts.observeSeconds')}
          min={0}
          max={604_800}
          value={gate.observeSeconds}
          onChange={(v) => onChange({ observeSeconds: Number(v) || 0 })}
        />
        <NumberInput
          label={t('rollouts.timeoutSeconds')}
          min={1}
          max={2_592_000}
          value={gate.deviceTimeoutSeconds}
          onChange={(v) => onChange({ deviceTimeoutSeconds: Number(v) || 1 })}
        />
        <NumberInput
          label={t('rollouts.minReached')}
          suffix=" %"
          min={0}
          max={100}
          value={gate.minReachedFraction * 100}
          onChange={(v) => onChange({ minReachedFraction: percent(v) })}
        />
        <NumberInput
          label={t('rollouts.trafficSeconds')}
          min={0}
          max={2_592_000}
          value={gate.trafficSeconds}
          onChange={(v) => onChange({ trafficSeconds: Number(v) || 0 })}
        />
        <Select
          label={t('rollouts.whenNoTraffic')}
          data={[
            { value: 'pause', label: t('rollouts.noTraffic.pause') },
            { value: 'pass', label: t('rollouts.noTraffic.pass') },
          ]}
          value={gate.whenNoTraffic}
          allowDeselect={false}
          onChange={(v) => onChange({ whenNoTraffic: v === 'pass' ? 'pass' : 'pause' })}
        />
      </SimpleGrid>
      <Checkbox
        label={t('rollouts.watchLatency')}
        checked={gate.maxLatencyRatio !== null}
        onChange={(event) => onChange({ maxLatencyRatio: event.currentTarget.checked ? 1.5 : null })}
      />
      <Checkbox
        label={t('rollouts.countStalled')}
        checked={gate.countStalled}
        onChange={(event) => onChange({ countStalled: event.currentTarget.checked })}
      />
    </>
  );
}
